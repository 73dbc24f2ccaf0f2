//! Signing in, as people, programs and machines do it, with the command as it is installed.

mod apps;
mod keeping;
mod night;
mod people;
mod person;
