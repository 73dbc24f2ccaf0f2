//! Sign-in of users, applications and machines with the installed command.

mod apps;
mod gate;
mod keeping;
mod night;
mod people;
mod person;
mod processes;
mod sessions;
