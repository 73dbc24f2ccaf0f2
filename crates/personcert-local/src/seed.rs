//! The initial content of a local Graph.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::random::Random;
use crate::store::{Store, User};

/// The default user of commands.
pub const FIRST_USER: &str = "db789417-4ccb-41d1-a0a9-47b01a09ea49";

type SeedResult = Result<(), Box<dyn std::error::Error>>;

/// Subject makes a change.
#[derive(Clone, Copy, Debug)]
pub enum Author<'a> {
    /// A user.
    User(&'a User),
    /// The application with this id, without a user.
    Application(&'a str),
}

impl Author<'_> {
    /// The identity set that items name it by.
    pub fn identity(self) -> Value {
        match self {
            Self::User(user) => {
                json!({"application": null, "device": null, "user": {"displayName": user.name, "id": user.id}})
            }
            Self::Application(id) => {
                json!({"application": {"displayName": "Local application", "id": id}, "device": null, "user": null})
            }
        }
    }
}

/// A certification with the members that the service sets.
pub fn complete(id: &str, values: Map<String, Value>, by: Author<'_>, now: &str) -> Map<String, Value> {
    let mut document = Map::new();
    document.insert("id".into(), json!(id));
    for property in personcert::schema::PROPERTIES.iter().filter(|property| property.updatable) {
        document.insert(property.name.into(), Value::Null);
    }
    document.insert("allowedAudiences".into(), json!("organization"));
    for name in ["createdBy", "lastModifiedBy"] {
        document.insert(name.into(), by.identity());
    }
    for name in ["createdDateTime", "lastModifiedDateTime"] {
        document.insert(name.into(), json!(now));
    }
    document.insert("source".into(), Value::Null);
    document.extend(values);
    document.insert("id".into(), json!(id));
    document
}

/// The specification's example, and two users whose names need care in a path.
pub fn default(store: &Store) -> SeedResult {
    let users = [
        (FIRST_USER, "innocenty.popov@contoso.com", "Innocenty Popov"),
        ("87d349ed-44d7-43e1-9a83-5f2406dee5bd", "adele_adatum.com#EXT#@contoso.com", "Adele Vance"),
        ("6f0f4d5c-5b1c-4d0e-9a3c-0c5f0f3f3a11", "$dollar@contoso.com", "Dollar Sign"),
    ]
    .map(|(id, upn, name)| User { id: id.into(), upn: upn.into(), name: name.into() });
    for user in &users {
        store.add_user(user)?;
    }
    let example = object(json!({
        "allowedAudiences": "organization",
        "certificationId": "KB-1235466333663322",
        "description": "Blackbelt in Marketing - Brand Management",
        "displayName": "Marketing Blackbelt - Brand Management",
        "endDate": "2027-07-06",
        "issuedDate": "2020-07-06",
        "issuingAuthority": "International Academy of Marketing",
        "issuingCompany": "International Academy of Marketing",
        "startDate": "2020-07-06",
        "thumbnailUrl": "https://iame.io/dfhdfdfd334.jpg",
        "webUrl": "https://www.iame.io/blackbelt",
    }));
    let made = "2020-07-06T06:34:12.2294868Z";
    let id = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f";
    store.put(FIRST_USER, id, &complete(id, example, Author::User(&users[0]), made))?;
    let guest = object(json!({
        "certificationId": "AZ-900",
        "displayName": "Azure Fundamentals",
        "issuingAuthority": "Microsoft",
        "issuingCompany": "Microsoft",
        "issuedDate": "2024-02-29",
    }));
    let id = "11111111-2222-3333-4444-555555555555";
    store.put(&users[1].id, id, &complete(id, guest, Author::User(&users[1]), made))?;
    Ok(())
}

/// Reads certifications from a `.jsonl` file (`{"user": …, "certification": {…}}` a line) or a `.csv` file (a column
/// `user` and Graph's property names). Missing users are created.
pub fn file(store: &Store, path: &Path, now: &str, random: &mut Random) -> SeedResult {
    let csv = path.extension().is_some_and(|extension| extension == "csv");
    let read = text(store, csv, &std::fs::read_to_string(path)?, now, random);
    read.map_err(|error| format!("{}, {error}", path.display()).into())
}

/// Reads the text of such a file.
pub fn text(store: &Store, csv: bool, text: &str, now: &str, random: &mut Random) -> SeedResult {
    let at = |line: usize, problem: &dyn std::fmt::Display| format!("line {line}: {problem}");
    if csv {
        let mut rows = csv::Reader::from_reader(text.as_bytes());
        let names = rows.headers()?.clone();
        for (row, record) in rows.records().enumerate() {
            let record = record.map_err(|error| at(row + 2, &error))?;
            let mut values = Map::new();
            for (name, cell) in names.iter().zip(&record).filter(|(_, cell)| !cell.is_empty()) {
                values.insert(name.to_owned(), json!(cell));
            }
            let user = values.remove("user").ok_or_else(|| at(row + 2, &"the column `user` is missing"))?;
            one(store, user.as_str().unwrap_or_default(), values, now, random).map_err(|error| at(row + 2, &error))?;
        }
        return Ok(());
    }
    for (row, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let value: Value = serde_json::from_str(line).map_err(|error| at(row + 1, &error))?;
        let user = value["user"].as_str().ok_or_else(|| at(row + 1, &"the member `user` is missing"))?;
        one(store, user, object(value["certification"].clone()), now, random).map_err(|error| at(row + 1, &error))?;
    }
    Ok(())
}

/// Adds one certification, and its user when missing.
pub fn one(
    store: &Store,
    name: &str,
    values: Map<String, Value>,
    now: &str,
    random: &mut Random,
) -> rusqlite::Result<Map<String, Value>> {
    let user = match store.user(name)? {
        Some(user) => user,
        None => {
            let id = random.id();
            let user = User { id, upn: name.to_owned(), name: name.split('@').next().unwrap_or(name).to_owned() };
            store.add_user(&user)?;
            user
        }
    };
    let id = values.get("id").and_then(Value::as_str).map_or_else(|| random.id(), str::to_owned);
    let document = complete(&id, values, Author::User(&user), now);
    store.put(&user.id, &id, &document)?;
    Ok(document)
}

const GIVEN: [&str; 10] = ["Zoë", "Łukasz", "Nguyễn", "José", "Ольга", "伟", "さくら", "محمد", "Aoife", "Renée"];
const FAMILY: [&str; 10] =
    ["O'Neill", "Müller", "Đặng", "García", "Иванова", "王", "佐藤", "الحسن", "Þórsdóttir", "Smith-Jones"];
const TITLES: [&str; 5] =
    ["Azure Fundamentals", "Projektleitung – Stufe II", "情報処理技術者", "Sécurité au travail", "First Aid 🩹"];

/// Generates users with certifications. The same arguments give the same content.
pub fn generate(store: &Store, users: u32, certifications: u32, now: &str) -> rusqlite::Result<()> {
    for n in 0..users {
        let at = n as usize;
        let name = format!("{} {}", GIVEN[at % 10], FAMILY[at / 10 % 10]);
        let user = User { id: format!("00000000-0000-4000-8000-{n:012x}"), upn: format!("user{n}@contoso.com"), name };
        store.add_user(&user)?;
        for m in 0..certifications {
            let values = object(json!({
                "certificationId": format!("GEN-{n}-{m}"),
                "displayName": TITLES[(at + m as usize) % TITLES.len()],
                "issuingAuthority": "Contoso Academy",
                "issuedDate": format!("20{:02}-{:02}-{:02}", 10 + m % 16, 1 + n % 12, 1 + n % 28),
            }));
            let id = format!("{m:08x}-0000-4000-8000-{n:012x}");
            store.put(&user.id, &id, &complete(&id, values, Author::User(&user), now))?;
        }
    }
    Ok(())
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
