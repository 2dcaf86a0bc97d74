//! [`DescribedParams`]: the params of a method as its description has them, and how `name=value` becomes JSON by it.

use rpc::openrpc::{Description, Method, ParamStructure};
use serde_json::Value;

use super::json_type::JsonTypes;
use super::named::object;
use crate::error::CliError;
use crate::nearest::suggestion;

/// The params of a method.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DescribedParams {
    params: Vec<Param>,
    form: Form,
}

/// How the params are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Object,
    /// An object that may have other members.
    OpenObject,
    Array,
    /// A value that is no object with known members.
    Whole,
}

/// A parameter of a method.
#[derive(Debug, PartialEq, Eq)]
struct Param {
    name: String,
    required: bool,
    types: JsonTypes,
}

impl DescribedParams {
    /// Reads the params of a method from a description, if the description has the method.
    pub(crate) fn of(description: &Description, method: &str) -> Option<Self> {
        let method = description.method(method)?;
        let resolve = |reference: &str| description.schema(reference);
        if method.params_as_whole() {
            return Some(Self::whole(method, &resolve));
        }
        let param = |name: &str, required: bool, schema| Param {
            name: name.to_owned(),
            required,
            types: JsonTypes::of(schema, &resolve),
        };
        let params = method.params().map(|of| param(&of.name, of.is_required(), of.schema.as_value())).collect();
        let is_array = method.param_structure() == ParamStructure::ByPosition;
        Some(Self { params, form: if is_array { Form::Array } else { Form::Object } })
    }

    /// Reads params that are described as one value. Its members are the params, if it is an object.
    fn whole<'a>(method: Method<'a>, resolve: &dyn Fn(&str) -> Option<&'a Value>) -> Self {
        let Some(mut schema) = method.params().next().map(|param| param.schema.as_value()) else {
            return Self { params: Vec::new(), form: Form::OpenObject };
        };
        if !JsonTypes::of(schema, resolve).has_objects() {
            return Self { params: Vec::new(), form: Form::Whole };
        }
        // A chain of references that has no end describes no members.
        for _ in 0..16 {
            match schema.get("$ref").and_then(Value::as_str).and_then(resolve) {
                Some(target) => schema = target,
                None => break,
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let params = properties.map(|(name, schema)| Param {
            name: name.clone(),
            required: false,
            types: JsonTypes::of(schema, resolve),
        });
        let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
        Self { params: params.collect(), form: if is_closed { Form::Object } else { Form::OpenObject } }
    }

    /// Writes params as the description wants them.
    ///
    /// # Errors
    ///
    /// If there is no parameter of a name, or a value does not fit its type.
    pub(super) fn write(&self, named: &[(&str, &str)]) -> Result<String, CliError> {
        if self.form == Form::Whole {
            return Err(CliError::usage("the method has no named params: give them as one JSON value"));
        }
        let mut members = Vec::new();
        for &(name, value) in named {
            let types = match self.params.iter().find(|param| param.name == name) {
                Some(param) => param.types,
                None if self.form == Form::OpenObject => JsonTypes::ALL,
                None => return Err(self.unknown(name)),
            };
            let value = types
                .write(value)
                .ok_or_else(|| CliError::usage(format!("the parameter `{name}` is {types}, and {value:?} is not")))?;
            members.push((name, value));
        }
        match self.form {
            Form::Array => self.array(&members),
            _ => object(members),
        }
    }

    fn unknown(&self, name: &str) -> CliError {
        let known = suggestion(name, self.params.iter().map(|param| &*param.name));
        CliError::usage(format!("the method has no parameter `{name}`: {known}"))
    }

    /// Writes the members by position. Optional params before a given one are null, and those at the end are left out.
    fn array(&self, members: &[(&str, String)]) -> Result<String, CliError> {
        // Finds names that are given twice.
        object(members.iter().cloned())?;
        let mut values = Vec::new();
        let mut given = 0;
        for param in &self.params {
            match members.iter().find(|(name, _)| *name == param.name) {
                Some((_, value)) => {
                    values.push(value.as_str());
                    given = values.len();
                }
                None if param.required => {
                    return Err(CliError::usage(format!("the parameter `{}` is missing: it is required", param.name)));
                }
                None => values.push("null"),
            }
        }
        Ok(format!("[{}]", values[..given].join(",")))
    }
}

#[cfg(test)]
mod tests {
    use rpc::openrpc::Description;
    use serde_json::{Value, json};

    use super::DescribedParams;

    fn write_as(method: &Value, named: &[(&str, &str)]) -> Result<String, String> {
        let mut described = json!({ "name": "m" });
        described.as_object_mut().unwrap().extend(method.as_object().unwrap().clone());
        let id = json!({ "type": "string" });
        let filter = json!({
            "type": "object",
            "properties": { "limit": { "type": "integer" }, "name": { "type": "string" } },
            "additionalProperties": false,
        });
        let description = Description::try_from(json!({
            "openrpc": "1.3.2",
            "info": { "title": "Test", "version": "1" },
            "methods": [described],
            "components": { "schemas": { "Id": id, "Filter": filter } },
        }));
        let params = DescribedParams::of(&description.unwrap(), "m").unwrap();
        params.write(named).map_err(|error| error.message().to_owned())
    }

    fn params() -> Value {
        json!([
            { "name": "id", "required": true, "schema": { "$ref": "#/components/schemas/Id" } },
            { "name": "count", "schema": { "type": ["integer", "null"] } },
            { "name": "mode", "schema": { "enum": ["fast", "slow"] } },
        ])
    }

    #[test]
    fn params_by_name_have_the_types_of_the_description() {
        let method = json!({ "params": params() });
        assert_eq!(write_as(&method, &[("count", "2"), ("id", "1")]), Ok(r#"{"count":2,"id":"1"}"#.to_owned()));
        assert_eq!(write_as(&method, &[("mode", "fast")]), Ok(r#"{"mode":"fast"}"#.to_owned()));
        let error = write_as(&method, &[("count", "many")]).unwrap_err();
        assert_eq!(error, "the parameter `count` is an integer or null, and \"many\" is not");
        let error = write_as(&method, &[("cuont", "1")]).unwrap_err();
        assert_eq!(error, "the method has no parameter `cuont`: did you mean `count`?");
        let error = write_as(&method, &[("id", "1"), ("id", "2")]).unwrap_err();
        assert_eq!(error, "the parameter `id` is given twice");
    }

    #[test]
    fn params_by_position_become_an_array_in_order() {
        let method = json!({ "params": params(), "paramStructure": "by-position" });
        assert_eq!(write_as(&method, &[("mode", "slow"), ("id", "1")]), Ok(r#"["1",null,"slow"]"#.to_owned()));
        assert_eq!(write_as(&method, &[("id", "1")]), Ok(r#"["1"]"#.to_owned()));
        let error = write_as(&method, &[("count", "1")]).unwrap_err();
        assert_eq!(error, "the parameter `id` is missing: it is required");
        let error = write_as(&method, &[("id", "1"), ("id", "2")]).unwrap_err();
        assert_eq!(error, "the parameter `id` is given twice");
    }

    #[test]
    fn members_of_params_that_are_one_value_are_params() {
        let whole = |schema: Value| json!({ "params": [{ "name": "params", "schema": schema }], "x-params": "whole" });
        let filter = whole(json!({ "$ref": "#/components/schemas/Filter" }));
        assert_eq!(write_as(&filter, &[("name", "1"), ("limit", "1")]), Ok(r#"{"name":"1","limit":1}"#.to_owned()));
        assert!(write_as(&filter, &[("other", "1")]).unwrap_err().starts_with("the method has no parameter `other`"));
        assert_eq!(write_as(&whole(json!({})), &[("a", "1"), ("b", "x")]), Ok(r#"{"a":1,"b":"x"}"#.to_owned()));
        let error = write_as(&whole(json!({ "type": "array" })), &[("a", "1")]).unwrap_err();
        assert_eq!(error, "the method has no named params: give them as one JSON value");
    }
}
