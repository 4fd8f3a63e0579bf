-- retry
-- Pivot Tracing's language: parsing, compiling, running, explaining.
SELECT pythia_import('fixtures/causal/printshop.xtrace.json');
-- fail
SELECT pythia_pivot('q: From a In Answer Join r In MostRecent(Request) On r -> a Select a.time - r.time As t; From d In Job.Done Join l In q On l -> d GroupBy d.job Select d.job, COUNT, AVERAGE(l) As "mean ns"');
SELECT * FROM pythia_pivot_query('From read In Shelf.Read Join call In First(Api.Call, Kiosk.Order) On call -> read GroupBy call.procName Select call.procName, SUM(read.pages)');
SELECT * FROM pythia_pivot_explain('From read In Shelf.Read Join l In Index.Locate On l -> read Let p = read.pages Where p > 3 GroupBy l.shelves Select l.shelves, SUM(p), COUNT');
