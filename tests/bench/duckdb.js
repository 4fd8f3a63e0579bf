/* duckdb.js - runs SQL in DuckDB: node duckdb.js DATABASE THREADS < sql
**
** DATABASE may be :memory:. Every statement of standard input (ended by a semicolon at a line's end) runs
** in order; the rows of each are printed as JSON, and its time in seconds on standard error. */
'use strict';
const { DuckDBInstance } = require('@duckdb/node-api');
const fs = require('fs');

async function main() {
    const [database, threads] = process.argv.slice(2);
    const instance = await DuckDBInstance.create(database, { threads });
    const connection = await instance.connect();
    for (const sql of fs.readFileSync(0, 'utf8').split(/;\s*\n/)) {
        if (!sql.trim()) continue;
        const start = process.hrtime.bigint();
        const reader = await connection.runAndReadAll(sql);
        const seconds = Number(process.hrtime.bigint() - start) / 1e9;
        process.stdout.write(JSON.stringify(reader.getRowsJson()) + '\n');
        process.stderr.write(seconds.toFixed(6) + '\n');
    }
    connection.closeSync();
    instance.closeSync();
}

main().catch((error) => {
    process.stderr.write(String(error) + '\n');
    process.exit(1);
});
