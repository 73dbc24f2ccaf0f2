#!/usr/bin/env node
'use strict'

process.exitCode = require('../personcert.node').main(['personcert', ...process.argv.slice(2)])
