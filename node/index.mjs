export { Client, LocalGraph, PersonCertError } from './index.js'
