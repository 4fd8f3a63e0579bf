/* chdb.js - runs one SELECT in ClickHouse, embedded: node chdb.js < sql */
'use strict';
const { query } = require('chdb');
process.stdout.write(query(require('fs').readFileSync(0, 'utf8'), 'JSONCompactEachRow'));
