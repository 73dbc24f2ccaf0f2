//! Calls by name, for language bindings and the command.
//!
//! A binding reads an operation with its arguments into a [`Call`] on the thread of its caller, and then runs it here, where
//! no value of the other language is needed any more.

use super::Client;
use crate::host::{Call, Operation, Output};
use crate::{PersonCertification, Result};

impl Client {
    /// Carries out an operation that was read with [`Call::read`]. Names in errors are in the spelling of the call's dialect.
    ///
    /// # Errors
    /// As the operation itself. A [`doctor`](Client::doctor) call never fails.
    pub async fn call(&self, call: Call) -> Result<Output> {
        let mut context = self.defaults.begin(call.timeout);
        context.state = call.state;
        if call.traceparent.is_some() {
            context.traceparent = call.traceparent;
        }
        let context = &mut context;
        let output = match &call.operation {
            Operation::Update { target, patch, current, verify } => {
                let updated = self.update_in(context, target, patch, current.as_deref(), *verify).await;
                updated.map(|updated| Output::Update(Box::new(updated)))
            }
            Operation::Get { target, select } => self.get_in(context, target, select).await.map(Output::Certification),
            Operation::List { user, query } => {
                let client = self.with_call(context);
                let state = context.state.clone();
                client.list(user, query).map(|mut pages| {
                    pages.state = state;
                    Output::Pages(Box::new(pages))
                })
            }
            Operation::Create { user, values } => {
                self.create_in(context, user, values).await.map(Output::Certification)
            }
            Operation::Delete { target } => self.delete_in(context, target).await.map(|()| Output::Deleted),
            Operation::Doctor { user } => Ok(Output::Findings(self.doctor_in(context, user).await)),
        };
        output.map_err(|error| error.rename_parameter(&PersonCertification::RECORD, call.dialect))
    }
}
