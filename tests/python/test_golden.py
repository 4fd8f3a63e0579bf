"""The known answers of ../shared/golden/stats, every case, through SQL: cov, percentiles, dip, dip_resolution, mixtures,
cca, corr, covpairs, twosample, mi and padj, within the tolerances of the README there. What that says is not to be
compared is left out here, and so are fields of statistics that Pythia does not have (Kendall, Welch, ...)."""

import csv
import json
import math
import os
import sqlite3
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SO = os.path.abspath(os.environ.get("SO", os.path.join(ROOT, "pythia.so")))
SHARED = os.environ.get("PYTHIA_SHARED", os.path.join(ROOT, "..", "shared"))
GOLDEN = os.path.join(SHARED, "golden", "stats")


def number(text):
    """A cell as the shell would bind it: an integer, a double, a text, or None."""
    if text in ("", "NA"):
        return None
    try:
        return float(text) if any(c in text for c in ".eEn") else int(text)
    except ValueError:
        return text


@unittest.skipUnless(os.path.isdir(GOLDEN), "golden/stats is absent")
class Golden(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.db = sqlite3.connect(":memory:", isolation_level=None)
        cls.db.enable_load_extension(True)
        cls.db.load_extension(SO)

    @classmethod
    def tearDownClass(cls):
        cls.db.close()

    def cases(self, name):
        with open(os.path.join(GOLDEN, name)) as f:
            return json.load(f)

    def each(self, name, check):
        for case in self.cases(name):
            with self.subTest(case["id"]):
                check(case)

    def load(self, path):
        """The file as table t. Returns the names of its columns."""
        with open(os.path.join(GOLDEN, path), newline="") as f:
            rows = list(csv.reader(f))
        names = ", ".join(f'"{n}"' for n in rows[0])
        self.db.execute("DROP TABLE IF EXISTS t")
        self.db.execute(f"CREATE TABLE t({names})")
        marks = ", ".join("?" * len(rows[0]))
        self.db.execute("BEGIN")
        self.db.executemany(f"INSERT INTO t VALUES({marks})", ([number(c) for c in r] for r in rows[1:]))
        self.db.execute("COMMIT")
        return rows[0]

    def row(self, sql, *arguments):
        return self.db.execute(sql, arguments).fetchone()

    def near(self, got, right, what, relative=0.0, absolute=0.0):
        if right is None or got is None:
            self.assertEqual(got, right, what)
            return
        bound = max(relative * abs(right), absolute)
        self.assertLessEqual(abs(got - right), bound, f"{what}: {got!r}, known {right!r}")

    # ---- one column ----

    def test_variation(self):
        self.each("cov.json", self.check_variation)

    def check_variation(self, case):
        calls = {"mean": ("avg(x)", 1e-12), "var_samp": ("var_samp(x)", 1e-12), "var_pop": ("var_pop(x)", 1e-12),
                 "sd_samp": ("stddev_samp(x)", 1e-12), "sd_pop": ("stddev_pop(x)", 1e-12),
                 "cv_samp": ("cov(x)", 1e-12), "cv_pop": ("cov_pop(x)", 1e-12),
                 "cv_unbiased_1p1over4n": ("cov(x) * (1 + 1.0 / (4 * count(x)))", 1e-12),
                 "skew_G1": ("skewness(x)", 1e-9), "kurt_excess_G2": ("kurtosis(x)", 1e-9),
                 "bimodality_coef_sas": ("bimodality(x)", 1e-9), "folding_phi": ("folding_ratio(x)", 1e-9),
                 "median": ("median(x)", 1e-14), "mad_raw": ("mad(x)", 1e-12), "rcv_mad": ("robust_cov(x)", 1e-12),
                 "rcv_iqr": ("0.7413 * iqr(x) / abs(median(x))", 1e-12),
                 "qcd": ("iqr(x) / (quantile(x, 0.25) + quantile(x, 0.75))", 1e-12),
                 "geometric_cv": ("geometric_cov(x)", 1e-9)}
        self.load(case["data"])
        for field, (call, relative) in calls.items():
            if field not in case or (field == "mean" and case["id"] != "cov/gamma_500"):
                continue  # SQLite's avg() rounds as it likes
            got = self.row(f"SELECT {call} FROM t")[0]
            if field == "cv_samp" and case.get("mean_is_exactly_zero"):
                self.assertIsNone(got)
                continue
            # Moments of symmetric values are 0 up to rounding.
            self.near(got, case[field], field, relative, 1e-10 if relative == 1e-9 else 0)

    def test_percentiles(self):
        self.each("percentiles.json", self.check_percentiles)

    def check_percentiles(self, case):
        self.load(case["data"])
        for t in range(1, 10):
            calls = ", ".join(f"quantile(x, {p!r}, {t})" for p in case["probs"])
            for p, got, right in zip(case["probs"], self.row(f"SELECT {calls} FROM t"), case[f"type{t}"]):
                self.near(got, right, f"type {t}, p = {p}", 1e-14 if t > 3 else 0, 1e-14 if t > 3 else 0)
        self.near(self.row("SELECT iqr(x) FROM t")[0], case["iqr7"], "iqr", 1e-13, 1e-13)
        self.near(self.row("SELECT mad(x) FROM t")[0], case["mad_raw"], "mad", 1e-13)

    def test_dip(self):
        self.each("dip.json", self.check_dip)

    def check_dip(self, case):
        self.load(case["data"])
        got = json.loads(self.row("SELECT multimodality(x) FROM t")[0])
        dip, p = self.row("SELECT dip(x), dip_p(x) FROM t")
        n = case["n"]
        self.near(dip, case["dip"], "dip", 1e-12)
        self.near(self.row("SELECT dip(-x) FROM t")[0], case["dip_of_mirror"], "mirror", 1e-12)
        self.assertEqual((got["dip"], got["dip_p"]), (dip, p))
        if case["id"] != "dip/mirror5m":  # distances are equal up to rounding, which then picks the interval
            self.assertEqual((got["modal_low"], got["modal_high"]), (case["modal_lo"], case["modal_hi"]))
        if dip <= 1 / (2 * n) * (1 + 1e-12):
            self.assertEqual(p, 1.0)
        elif "p_simulated" in case:
            right = case["p_simulated"]
            error = math.sqrt(max(right * (1 - right), 1e-4) / case["p_simulated_B"])
            self.near(p, right, "p", absolute=5 * error + 1e-4)
        elif n >= 50:
            self.near(p, case["p_table"], "p", absolute=0.01)  # R's table is that coarse

    def test_dip_resolution(self):
        self.each("dip_resolution.json", self.check_dip_resolution)

    def check_dip_resolution(self, case):
        self.load(case["data"])
        raw, spread, p = self.row("SELECT dip(x), dip(x, ?1), dip_p(x, ?1) FROM t", case["resolution"])
        self.near(raw, case["dip_raw"], "raw", 1e-12)
        self.near(spread, case["dip_dequantised"], "spread", 1e-9)
        self.near(p, case["p_table_dequantised"], "p", absolute=0.01)

    def test_mixture(self):
        self.each("modes_r.json", self.check_mixture)

    def check_mixture(self, case):
        if "mclust" not in case:
            return
        self.load(case["data"])
        for scale, field in (("linear", "mclust"), ("log", "mclust_log")):
            right = case.get(field)
            if not right or right.get("G") is None:
                continue
            got = json.loads(self.row("SELECT mixture(x, ?) FROM t", scale)[0])
            if case["id"] in ("modes/mix2_clear", "modes/mix4", "modes/mix5", "modes/mix2_us"):
                self.assertEqual(len(got["components"]), right["G"])
            if len(got["components"]) == right["G"]:  # EM of R stops earlier
                self.assertGreaterEqual(got["loglik"], right["loglik"] - 1e-4 * abs(right["loglik"]))

    # ---- several columns ----

    def one_hot(self, column, first):
        """SQL of the columns of a category, the first level in binary order left out, with their names."""
        levels = [r[0] for r in self.db.execute(f'SELECT DISTINCT "{column}" FROM t ORDER BY 1')]
        return [(f'("{column}" = \'{level}\')', f"{first}{level}") for level in levels[1:]]

    def side(self, case, side, columns):
        """The columns of a side as SQL expressions: with categories whole, and one-hot."""
        names = case[f"{side}_names"]
        whole, split = [], []
        for name in names:
            if name in columns:
                whole.append(f'"{name}"')
                split.append(f'"{name}"')
                continue
            column = next(c for c in columns if name.startswith(c))
            level = name[len(column):].lstrip("_=:.")
            expression = f'("{column}" = \'{level}\')'
            self.assertTrue(self.row(f"SELECT sum({expression}) FROM t")[0], name)
            split.append(expression)
            if f'"{column}"' not in whole:
                whole.append(f'"{column}"')
        return whole, split

    def test_cca(self):
        self.each("cca.json", self.check_cca)

    def check_cca(self, case):
        columns = self.load(case["data"])
        if case["id"] == "cca/n_lt_p_severe":
            self.db.execute("DELETE FROM t WHERE rowid > 5")
        x, x_split = self.side(case, "x", columns)
        y, y_split = self.side(case, "y", columns)
        for xs, ys in ((x, y), (x_split, y_split)):
            sql = f"SELECT {', '.join(ys + xs)} FROM t"
            self.check_dimensions(case, sql, len(ys))
        if case["rank_x"] == case["ncol_x"] and case["rank_y"] == case["ncol_y"]:
            self.check_variables(case, sql, len(ys))

    def check_dimensions(self, case, sql, n_y):
        self.db.row_factory = sqlite3.Row
        rows = self.db.execute("SELECT * FROM cca_query(?, ?)", (sql, n_y)).fetchall()
        self.db.row_factory = None
        self.assertEqual(len(rows), len(case["cor"]))
        absolute = 1e-8 if "nearcol" in case["id"] else 1e-10
        perfect = case["id"] == "cca/perfect_r1"
        for k, r in enumerate(rows):
            self.near(r["correlation"], case["cor"][k], "r", absolute=absolute)
            if case.get("cor_ref_longdouble"):
                self.near(r["correlation"], case["cor_ref_longdouble"][k], "r", absolute=absolute)
            self.assertEqual((r["rank_x"], r["rank_y"], r["n"]), (case["rank_x"], case["rank_y"], case["n"]))
            if case["id"].startswith("cca/n_lt_p"):
                if case["n"] - 1 < case["rank_x"] + case["rank_y"]:
                    self.assertIsNone(r["p_value"])
                continue
            if perfect and k == 0:
                continue
            loose = 1e-6 if "nearcol" in case["id"] else 1e-8
            self.near(r["wilks"], case["wilks"][k], "wilks", loose)
            self.near(r["f"], case["rao_F"][k], "F", loose)
            self.near(r["df1"], case["rao_df1"][k], "df1", 1e-12)
            self.near(r["df2"], case["rao_df2"][k], "df2", 1e-12)
            self.near(r["chi2"], case["bartlett_chisq"][k], "chi2", loose)
            self.near(r["chi2_lawley"], case["lawley_chisq"][k], "lawley", loose)
            for got, right in ((r["p_value"], case["rao_p"][k]), (r["p_chi2"], case["bartlett_p"][k]),
                               (r["p_lawley"], case["lawley_p"][k])):
                if right > 1e-300:
                    self.near(math.log(got), math.log(right), "log p", 1e-7, 1e-9)
        squares = [r["correlation"] ** 2 for r in rows]
        self.near(sum(squares), case["pillai"], "pillai", 1e-9)

    def check_variables(self, case, sql, n_y):
        got = {}
        for side, variable, dimension, weight, loading, cross in self.db.execute(
                "SELECT side, row_number() OVER (PARTITION BY side, dimension) - 1, dimension - 1, weight, loading,"
                " cross_loading FROM cca_variables(?, ?)", (sql, n_y)):
            got[side, variable, dimension] = (weight, loading, cross)
        loose = 1e-4 if "nearcol" in case["id"] else 1e-8
        for (side, variable, k), (weight, loading, cross) in got.items():
            if case["id"] == "cca/perfect_r1" or case["cor"][k] < 1e-6:
                continue
            self.near(weight, case[f"std_{side}"][variable][k], f"weight {side}{variable}", loose, loose)
            self.near(loading, case[f"structure_{side}"][variable][k], f"loading {side}{variable}", loose, loose)
        for side, field in (("x", "redundancy_x_given_y"), ("y", "redundancy_y_given_x")):
            for k, right in enumerate(case.get(field) or []):
                cross = [v[2] for (s, _, d), v in got.items() if s == side and d == k]
                self.near(sum(c * c for c in cross) / len(cross), right, field, 1e-7, 1e-8)

    def test_pairs(self):
        self.each("corr.json", self.check_pairs)

    def check_pairs(self, case):
        if "pearson_r" not in case:
            return  # partial correlation
        self.load(case["data"])
        pair = f'"{case["a"]}", "{case["b"]}"'
        r, p, rho, rho_p, samp, pop = self.row(
            f"SELECT corr({pair}), corr_p({pair}), corr_spearman({pair}), corr_spearman_p({pair}),"
            f" covar_samp({pair}), covar_pop({pair}) FROM t")
        self.near(r, case["pearson_r"], "r", 1e-10)
        self.near(rho, case["spearman_rho"], "rho", 1e-10)
        self.near(samp, case["cov_samp"], "covar_samp", 1e-10, 1e-12)
        self.near(pop, case["cov_pop"], "covar_pop", 1e-10, 1e-12)
        for got, right in ((p, case["pearson_p"]), (rho_p, case["spearman_p_t"])):
            if right and right > 1e-100:
                self.near(got, right, "p", 1e-9)

    def test_covariances(self):
        self.each("covpairs.json", self.check_covariances)

    def check_covariances(self, case):
        columns = self.load(case["data"])
        complete = ""
        if "listwise" in case["id"]:
            complete = "WHERE " + " AND ".join(f'"{c}" IS NOT NULL' for c in columns)
        pairs = case.get("pairs")
        if pairs is None:
            names, matrix = case["edges"], case["cov_samp"]
            pairs = [{"a": a, "b": b, "cov_samp": matrix[i][j]}
                     for i, a in enumerate(names) for j, b in enumerate(names)]
            total = " + ".join(f'"{name}"' for name in names)
            for name, right in zip(names, case["share_of_variance"]):
                share = self.row(f'SELECT covar_samp("{name}", {total}) / var_samp({total}) FROM t {complete}')[0]
                self.near(share, right, f"share of {name}", 1e-9)
        for pair in pairs:
            both = f'"{pair["a"]}", "{pair["b"]}"'
            samp, pop, r = self.row(f"SELECT covar_samp({both}), covar_pop({both}), corr({both}) FROM t {complete}")
            self.near(samp, pair["cov_samp"], both, 1e-10)
            if "corr" in pair:
                self.near(pop, pair["cov_pop"], both, 1e-10)
                self.near(r, pair["corr"], both, 1e-10)

    def test_two_samples(self):
        self.each("twosample_r.json", self.check_two_samples)

    def check_two_samples(self, case):
        scipy = {case["id"]: case for case in self.cases("twosample_py.json")}
        self.load(case["data"])
        right = {**scipy[case["id"]], **case}
        names = ("ks", "ks_p", "mann_whitney", "mann_whitney_p", "cliffs_delta", "wasserstein", "energy_distance",
                 "brown_forsythe", "brown_forsythe_p", "kruskal", "kruskal_p")
        got = dict(zip(names, self.row("SELECT " + ", ".join(f"{n}(x, grp)" for n in names) + " FROM t")))
        fields = {"ks": "ks_D", "mann_whitney": "mw_U_a", "cliffs_delta": "cliffs_delta_a_minus_b",
                  "wasserstein": "wasserstein1", "energy_distance": "energy_distance",
                  "brown_forsythe": "brown_forsythe_F", "brown_forsythe_p": "brown_forsythe_p",
                  "kruskal": "kruskal_H", "kruskal_p": "kruskal_p",
                  "ks_p": "ks_p_exact_conditional_on_ties",
                  "mann_whitney_p": "mw_p_exact" if "mw_p_exact" in case else "mw_p_cc"}
        for name, field in fields.items():
            if field in right and right[field] is not None:
                self.near(got[name], right[field], name, 1e-9, 1e-12)

    def test_mutual_information(self):
        self.each("mi.json", self.check_mutual_information)

    def check_mutual_information(self, case):
        self.load(case["data"])
        a, b = case["id"].split(" ", 1)[1].split(",")
        a, b = a.strip(), b.replace("in deciles", "").strip()
        b = "duration_us" if b == "duration" else b
        nats, p, v = self.row(f"SELECT mutual_information({a}, {b}), mutual_information_p({a}, {b}),"
                              f" cramers_v({a}, {b}) FROM t")
        self.near(nats, case["mi_nats"], "nats", 1e-10, 1e-12)
        self.near(p, case["G_p"], "p", 1e-9)
        self.near(v, case["cramers_v"], "v", 1e-10)
        self.near(self.row(f"SELECT 2 * count(*) * mutual_information({a}, {b}) FROM t")[0], case["G"], "G", 1e-9)

    def test_p_adjust(self):
        self.each("padj.json", self.check_p_adjust)

    def check_p_adjust(self, case):
        methods = ("bonferroni", "holm", "hochberg", "hommel", "BH", "BY")
        self.db.execute("DROP TABLE IF EXISTS t")
        self.db.execute("CREATE TABLE t(p)")
        self.db.executemany("INSERT INTO t VALUES(?)", ((p,) for p in case["p"]))
        for method in methods:
            got = [r[0] for r in self.db.execute(
                "SELECT p_adjust(p, ?) OVER (ORDER BY rowid ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)"
                " FROM t ORDER BY rowid", (method,))]
            self.assertEqual(len(got), len(case["p"]))
            for i, right in enumerate(case[method]):
                self.near(got[i], right, f"{method}[{i}]", 1e-12)

if __name__ == "__main__":
    unittest.main()
