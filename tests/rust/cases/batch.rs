//! Batches through the Rust crate: the front end that has them.

use personcert::batch::{Step, StepResponse};
use personcert::host::Dialect;
use personcert::schema::Verb;
use personcert::{CertificationPatch, Client, Error, ListQuery, Result, Target, User};
use serde_json::{Map, Value, json};

use super::api::attributes;

/// A step of a case, with what the step borrows.
struct Owned {
    operation: String,
    user: User,
    target: Option<Target>,
    patch: CertificationPatch,
    query: ListQuery,
}

impl Owned {
    fn read(step: &Value) -> Result<Self> {
        let text = |name: &str| step[name].as_str().map(str::to_owned);
        let user = text("user").map_or(User::Me, User::Named);
        let target = text("id").map(|id| Target::new(user.clone(), id)).transpose()?;
        let members = step.get("changes").or_else(|| step.get("values")).and_then(Value::as_object);
        let verb = if step["operation"] == "create" { Verb::Create } else { Verb::Update };
        let patch = CertificationPatch::read(members.unwrap_or(&Map::new()), verb, Dialect::GRAPH)?;
        let query = ListQuery { top: step["top"].as_u64(), ..ListQuery::default() };
        Ok(Self { operation: text("operation").unwrap_or_default(), user, target, patch, query })
    }

    fn step(&self) -> Result<Step<'_>> {
        let target = self.target.as_ref().ok_or_else(|| Error::input("id", "the step needs an id"));
        Ok(match self.operation.as_str() {
            "update" => Step::Update(target?, &self.patch),
            "get" => Step::Get(target?),
            "list" => Step::List(&self.user, &self.query),
            "create" => Step::Create(&self.user, &self.patch),
            "delete" => Step::Delete(target?),
            other => return Err(Error::input("operation", format!("unknown operation {other:?}"))),
        })
    }
}

/// Sends the steps of a case; the value has `{"result": …}` or `{"error": …}` for each.
pub async fn call(client: &Client, arguments: &Map<String, Value>) -> Result<Value> {
    let steps = arguments.get("steps").and_then(Value::as_array).cloned().unwrap_or_default();
    let owned = steps.iter().map(Owned::read).collect::<Result<Vec<_>>>()?;
    let steps = owned.iter().map(Owned::step).collect::<Result<Vec<_>>>()?;
    let results = client.batch(&steps).await?;
    let value = |result: Result<StepResponse>| match result {
        Ok(StepResponse::Certification(certification)) => json!({"result": certification}),
        Ok(StepResponse::NoContent) => json!({"result": null}),
        Ok(StepResponse::Page { certifications, next }) => {
            json!({"result": {"certifications": certifications, "next": next}})
        }
        Err(error) => json!({"error": attributes(&error)}),
    };
    Ok(results.into_iter().map(value).collect())
}
