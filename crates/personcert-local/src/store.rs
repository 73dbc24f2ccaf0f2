//! Users and certifications in SQLite.

use rusqlite::backup::Backup;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};

/// A user of the directory.
#[derive(Clone, Debug)]
pub struct User {
    /// The object id.
    pub id: String,
    /// The user principal name.
    pub upn: String,
    /// The display name.
    pub name: String,
}

/// The database.
#[derive(Debug)]
pub struct Store(Connection);

type SqlResult<T> = rusqlite::Result<T>;

impl Store {
    /// Opens the file, or a database in memory, and creates the missing tables.
    pub fn open(path: Option<&std::path::Path>) -> SqlResult<Self> {
        let connection = match path {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS users (
                 id TEXT PRIMARY KEY COLLATE NOCASE, upn TEXT NOT NULL UNIQUE COLLATE NOCASE, name TEXT NOT NULL);
             CREATE TABLE IF NOT EXISTS certifications (
                 place INTEGER PRIMARY KEY, user TEXT NOT NULL COLLATE NOCASE REFERENCES users (id),
                 id TEXT NOT NULL COLLATE NOCASE, document TEXT NOT NULL, UNIQUE (user, id));",
        )?;
        Ok(Self(connection))
    }

    /// Whether it holds no users.
    pub fn is_empty(&self) -> SqlResult<bool> {
        self.0.query_row("SELECT NOT EXISTS (SELECT 1 FROM users)", [], |row| row.get(0))
    }

    /// Removes everything.
    pub fn clear(&self) -> SqlResult<()> {
        self.0.execute_batch("DELETE FROM certifications; DELETE FROM users;")
    }

    /// A copy in memory.
    pub fn copy(&self) -> SqlResult<Self> {
        let mut copy = Connection::open_in_memory()?;
        transfer(&self.0, &mut copy)?;
        Ok(Self(copy))
    }

    /// Replaces the content with that of a copy.
    pub fn restore(&mut self, copy: &Self) -> SqlResult<()> {
        transfer(&copy.0, &mut self.0)
    }

    /// Runs `work` in one transaction.
    pub fn transaction<E: From<rusqlite::Error>>(&self, work: impl FnOnce(&Self) -> Result<(), E>) -> Result<(), E> {
        self.0.execute_batch("BEGIN")?;
        let done = work(self);
        self.0.execute_batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        done
    }

    /// Adds a user, or changes their names.
    pub fn add_user(&self, user: &User) -> SqlResult<()> {
        let sql = "INSERT INTO users VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET upn = ?2, name = ?3";
        self.0.execute(sql, params![user.id, user.upn, user.name]).map(|_| ())
    }

    /// The user with this id or user principal name.
    pub fn user(&self, name: &str) -> SqlResult<Option<User>> {
        let sql = "SELECT id, upn, name FROM users WHERE id = ?1 OR upn = ?1";
        self.0.query_row(sql, [name], user).optional()
    }

    /// All users in the order of insertion.
    pub fn users(&self) -> SqlResult<Vec<User>> {
        self.0.prepare("SELECT id, upn, name FROM users ORDER BY rowid")?.query_map([], user)?.collect()
    }

    /// All certifications of a user in the order of insertion.
    pub fn certifications(&self, user: &str) -> SqlResult<Vec<Map<String, Value>>> {
        let mut query = self.0.prepare_cached("SELECT document FROM certifications WHERE user = ?1 ORDER BY place")?;
        query.query_map([user], |row| Ok(document(&row.get::<_, String>(0)?)))?.collect()
    }

    /// One certification.
    pub fn certification(&self, user: &str, id: &str) -> SqlResult<Option<Map<String, Value>>> {
        let sql = "SELECT document FROM certifications WHERE user = ?1 AND id = ?2";
        let mut query = self.0.prepare_cached(sql)?;
        query.query_row([user, id], |row| Ok(document(&row.get::<_, String>(0)?))).optional()
    }

    /// Adds or replaces a certification.
    pub fn put(&self, user: &str, id: &str, certification: &Map<String, Value>) -> SqlResult<()> {
        let sql = "INSERT INTO certifications (user, id, document) VALUES (?1, ?2, ?3)
                   ON CONFLICT (user, id) DO UPDATE SET document = ?3";
        let text = Value::Object(certification.clone()).to_string();
        self.0.prepare_cached(sql)?.execute(params![user, id, text]).map(|_| ())
    }

    /// Deletes a certification and returns whether it existed.
    pub fn delete(&self, user: &str, id: &str) -> SqlResult<bool> {
        let sql = "DELETE FROM certifications WHERE user = ?1 AND id = ?2";
        self.0.execute(sql, [user, id]).map(|removed| removed > 0)
    }
}

fn transfer(from: &Connection, to: &mut Connection) -> SqlResult<()> {
    Backup::new(from, to)?.run_to_completion(i32::MAX, std::time::Duration::ZERO, None)
}

fn user(row: &rusqlite::Row<'_>) -> SqlResult<User> {
    Ok(User { id: row.get(0)?, upn: row.get(1)?, name: row.get(2)? })
}

fn document(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}
