//! The types of property values, and Graph's resources inside a certification.
//!
//! A resource is read leniently: every member may be absent, null or of an undocumented type, and Graph may add members at
//! any time. Each resource therefore has `Option` members, an `extra` map for what it doesn't know, and remembers which
//! members were null.

mod audiences;
pub(crate) mod date;
mod properties;
mod web_url;

pub use crate::update::PropertyName;
pub use audiences::Audiences;
pub use date::Date;
pub use web_url::WebUrl;

use crate::schema::resource;

resource! {
    /// A user, an application or a device that made a change.
    /// Source: Graph's `identity` resource.
    pub struct Identity {
        display_name = "displayName": String, "The display name, not always up to date.";
        id = "id": String, "The unique identifier in the directory.";
    }
}

resource! {
    /// The application, device and user behind a change; unused ones are null.
    /// Source: Graph's `identitySet` resource.
    pub struct IdentitySet {
        application = "application": Identity, "The application.";
        device = "device": Identity, "The device.";
        user = "user": Identity, "The user.";
    }
}

resource! {
    /// The confidence of the application that inferred the item.
    /// Source: Graph's `inferenceData` resource.
    pub struct InferenceData {
        confidence_score = "confidenceScore": f64, "The confidence in the accuracy of the inferred item; Graph documents no range.";
        user_has_verified_accuracy = "userHasVerifiedAccuracy": bool, "Whether the user confirmed that the inference is right.";
    }
}

resource! {
    /// The sources of the item.
    /// Source: Graph's `personDataSources` resource.
    pub struct PersonDataSources {
        r#type = "type": Vec<String>, "The types of the source.";
    }
}

resource! {
    /// One source of an item and the properties that came from it.
    /// Source: Graph's `profileSourceAnnotation` resource.
    pub struct ProfileSourceAnnotation {
        id = "id": String, "The source's identifier, as the reference page names it.";
        source_id = "sourceId": String, "The source's identifier, as the service's schema names it.";
        is_default_source = "isDefaultSource": bool, "Whether this is the default source.";
        properties = "properties": Vec<String>, "Names of the properties that came from this source.";
    }
}
