//! One route: how it is served and how it is described, in one place, so that the two can't drift apart.
use axum::http::{Method, StatusCode};
use axum::routing::MethodRouter;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::api::Api;

/// Makes the schema of a type, or a reference to it.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// A parameter in the query of a URL.
pub(crate) struct QueryParameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) about: &'static str,
}

/// What a route answers when all is well.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The type and schema of the body, if there is one.
    pub(crate) body: Option<(&'static str, SchemaOf)>,
}

/// One method of one path.
pub(crate) struct Route {
    /// The method.
    pub(crate) method: Method,
    /// The path below `/api`, with `{parameters}`.
    pub(crate) path: &'static str,
    /// Its name for programs (`operationId`).
    pub(crate) id: &'static str,
    /// One sentence.
    pub(crate) about: &'static str,
    /// Parameters in the query.
    pub(crate) query: Vec<QueryParameter>,
    /// The schema of the JSON body that it takes.
    pub(crate) request: Option<SchemaOf>,
    /// What it answers.
    pub(crate) answer: Answer,
    /// What serves it.
    pub(crate) serve: MethodRouter<Api>,
}

impl Route {
    /// A route that answers 204 without a body.
    pub(crate) fn new(
        method: Method,
        path: &'static str,
        id: &'static str,
        about: &'static str,
        serve: MethodRouter<Api>,
    ) -> Route {
        let answer = Answer { status: StatusCode::NO_CONTENT, body: None };
        Route { method, path, id, about, query: Vec::new(), request: None, answer, serve }
    }

    /// Takes a JSON body.
    pub(crate) fn takes<T: JsonSchema>(mut self) -> Route {
        self.request = Some(schema_of::<T>);
        self
    }

    /// Takes a parameter in the query.
    pub(crate) fn asks(mut self, name: &'static str, about: &'static str) -> Route {
        self.query.push(QueryParameter { name, about });
        self
    }

    /// Answers 200 with JSON.
    pub(crate) fn answers<T: JsonSchema>(self) -> Route {
        self.answers_as::<T>(StatusCode::OK, "application/json")
    }

    /// Answers 201 with JSON.
    pub(crate) fn creates<T: JsonSchema>(self) -> Route {
        self.answers_as::<T>(StatusCode::CREATED, "application/json")
    }

    /// Answers with a body of some type.
    pub(crate) fn answers_as<T: JsonSchema>(mut self, status: StatusCode, media_type: &'static str) -> Route {
        self.answer = Answer { status, body: Some((media_type, schema_of::<T>)) };
        self
    }

    /// The names of the parameters in the path.
    pub(crate) fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}
