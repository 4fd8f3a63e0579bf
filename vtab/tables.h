/* tables.h - every eponymous table, each described in the file of its name. ext/pythia.c registers them. */
#ifndef PYTHIA_VTAB_TABLES_H
#define PYTHIA_VTAB_TABLES_H

#include "vtab/vtab.h"

extern const PythiaTable pythia_table_traces;
extern const PythiaTable pythia_table_spans;
extern const PythiaTable pythia_table_events;
extern const PythiaTable pythia_table_pairs;
extern const PythiaTable pythia_table_edges;
extern const PythiaTable pythia_table_related;
extern const PythiaTable pythia_table_attributes;
extern const PythiaTable pythia_table_critical_path;
extern const PythiaTable pythia_table_slack;
extern const PythiaTable pythia_table_paths;
extern const PythiaTable pythia_table_pivot_query;
extern const PythiaTable pythia_table_pivot_explain;

extern const PythiaTable pythia_table_types;
extern const PythiaTable pythia_table_groups;
extern const PythiaTable pythia_table_group_members;
extern const PythiaTable pythia_table_group_edges;
extern const PythiaTable pythia_table_group_covariance;
extern const PythiaTable pythia_table_group_variables;
extern const PythiaTable pythia_table_cca;
extern const PythiaTable pythia_table_context_tree;
extern const PythiaTable pythia_table_what_if;
extern const PythiaTable pythia_table_compare;
extern const PythiaTable pythia_table_dependencies;
extern const PythiaTable pythia_table_split;
extern const PythiaTable pythia_table_violations;

extern const PythiaTable pythia_table_cca_query;
extern const PythiaTable pythia_table_cca_variables;

extern const PythiaTable pythia_table_imports;
extern const PythiaTable pythia_table_problems;
extern const PythiaTable pythia_table_aggregates;
extern const PythiaTable pythia_table_settings;
extern const PythiaTable pythia_table_request_types;
extern const PythiaTable pythia_table_name_rules;
extern const PythiaTable pythia_table_expectations;

extern const PythiaTable pythia_table_search_space;
extern const PythiaTable pythia_table_layers;
extern const PythiaTable pythia_table_strategies;
extern const PythiaTable pythia_table_candidates;
extern const PythiaTable pythia_table_next;
extern const PythiaTable pythia_table_decisions;
extern const PythiaTable pythia_table_forest;

#endif
