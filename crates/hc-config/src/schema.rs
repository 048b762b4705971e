//! JSON Schema for editors, made of the tables of keys.

use serde_json::{Map, Value, json};

use crate::key::{Key, Shape};
use crate::keys;

/// What a variable may stand for is not known to an editor: where one is written, any text is right.
const VARIABLE: &str = "\\$\\{";

/// The schema of a config file, draft 2020-12.
#[must_use]
pub fn schema() -> Value {
    let shared = || keys::SHARED.iter().flat_map(|keys| keys.iter());
    let mut top = object(keys::TOP.iter(), keys::TOP_RESERVED, &[]);
    top["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    top["title"] = json!("hc.yaml");
    top["description"] = json!("The config of hc: active health checking for fleets.");
    top["patternProperties"] = json!({ "^x-": { "description": "Ignored: a place for anchors." } });
    let target = object(
        keys::TARGET.iter().chain(shared()),
        keys::TARGET_RESERVED,
        &["url"],
    );
    top["$defs"] = json!({
        "url": { "type": "string", "minLength": 1 },
        "defaults": object(shared(), keys::TARGET_RESERVED, &[]),
        "target": { "anyOf": [{ "$ref": "#/$defs/url" }, target] },
        "targets": { "type": ["array", "null"], "items": { "$ref": "#/$defs/target" } },
        "group": object(keys::GROUP.iter().chain(shared()), keys::TARGET_RESERVED, &["name"]),
        "groups": { "type": ["array", "null"], "items": { "$ref": "#/$defs/group" } },
        "variable": { "type": "string", "pattern": VARIABLE, "description": "A variable: `${NAME}` or `${NAME:-otherwise}`." },
    });
    top
}

fn object<'a>(keys: impl Iterator<Item = &'a Key>, reserved: &[&str], required: &[&str]) -> Value {
    let mut properties = Map::new();
    for key in keys {
        properties.insert(key.name.to_owned(), property(key));
    }
    // Known to the reader, but never right: an editor marks them.
    for name in reserved {
        properties.insert(
            (*name).to_owned(),
            json!({ "not": {}, "description": "Not supported yet." }),
        );
    }
    let mut object =
        json!({ "type": "object", "properties": properties, "additionalProperties": false });
    // YAML's merge key.
    object["properties"]["<<"] = json!({ "description": "Merges a map, or a list of maps." });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn property(key: &Key) -> Value {
    let mut schema = shape(&key.shape);
    if !matches!(key.shape, Shape::Elsewhere(_)) {
        // `null` removes what is inherited.
        schema = json!({ "anyOf": [schema, { "type": "null" }] });
    }
    schema["description"] = json!(key.about);
    if !key.default.is_empty() {
        schema["default"] = default(key.default);
    }
    schema
}

/// A default as JSON: the tables have them as YAML.
fn default(text: &str) -> Value {
    match text {
        "{}" => json!({}),
        "[]" => json!([]),
        "true" => json!(true),
        "false" => json!(false),
        _ => text
            .parse::<u64>()
            .map_or_else(|_| json!(text), |number| json!(number)),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "json! moves what it is given"
)]
fn or_variable(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "$ref": "#/$defs/variable" }] })
}

fn shape(shape_of: &Shape) -> Value {
    match shape_of {
        Shape::Duration(..) => or_variable(
            json!({ "type": "string", "pattern": DURATION, "description": shape_of.wanted() }),
        ),
        Shape::Count(least, most) => {
            or_variable(json!({ "type": "integer", "minimum": least, "maximum": most }))
        }
        Shape::Share(..) => or_variable(
            json!({ "type": "string", "pattern": "^[0-9]+(\\.[0-9]{1,2})?%$", "description": shape_of.wanted() }),
        ),
        Shape::Size(..) => {
            let pattern = "^[0-9]+(\\.[0-9]+)?(B|kB|KB|KiB|MB|MiB|GB|GiB)$";
            or_variable(
                json!({ "type": "string", "pattern": pattern, "description": shape_of.wanted() }),
            )
        }
        Shape::Factor(least, most) => {
            or_variable(json!({ "type": "number", "minimum": least, "maximum": most }))
        }
        Shape::Times(..) => {
            let pattern = format!("^[0-9]+(\\.[0-9]+)?x$|{DURATION}");
            or_variable(
                json!({ "type": "string", "pattern": pattern, "description": shape_of.wanted() }),
            )
        }
        Shape::Flag => or_variable(json!({ "type": "boolean" })),
        Shape::Word(words) => {
            // `4`, `1.1` and `2` are numbers to an editor.
            let numbers = words
                .iter()
                .filter_map(|word| word.parse::<f64>().ok())
                .map(|number| {
                    if number.fract() == 0.0 {
                        json!(number as i64)
                    } else {
                        json!(number)
                    }
                });
            let all: Vec<Value> = words
                .iter()
                .map(|word| json!(word))
                .chain(numbers)
                .collect();
            or_variable(json!({ "enum": all }))
        }
        Shape::Text(rule) => {
            let mut schema =
                json!({ "type": ["string", "number", "boolean"], "description": rule.noun });
            if !rule.pattern.is_empty() {
                schema["pattern"] = json!(rule.pattern);
            }
            or_variable(schema)
        }
        Shape::Secret => json!({ "anyOf": [
            { "type": ["string", "number", "boolean"] },
            pair("env", "The name of a variable."),
            pair("file", "A file, read again on reload."),
        ] }),
        Shape::Body => {
            json!({ "anyOf": [{ "type": ["string", "number", "boolean"] }, pair("file", "A file, read again on reload.")] })
        }
        Shape::Proxy => json!({ "type": "string", "description": "An `http` URL." }),
        Shape::Json => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Or(word, inner) => json!({ "anyOf": [{ "const": word }, shape(inner)] }),
        Shape::List(inner) => json!({ "type": "array", "items": shape(inner) }),
        Shape::OneOrMany(inner) => {
            json!({ "anyOf": [shape(inner), { "type": "array", "items": shape(inner), "minItems": 1 }] })
        }
        Shape::Map(keys) => object(keys.iter(), &[], &[]),
        Shape::Free { key, value, .. } => {
            let value = json!({ "anyOf": [shape(value), { "type": "null" }] });
            let mut schema = json!({ "type": "object", "additionalProperties": value });
            if !key.pattern.is_empty() {
                schema["propertyNames"] =
                    json!({ "anyOf": [{ "const": "<<" }, { "pattern": key.pattern }] });
            }
            schema
        }
        Shape::Choice(keys) => {
            let mut schema = object(keys.iter(), &[], &[]);
            schema["minProperties"] = json!(1);
            schema["maxProperties"] = json!(1);
            schema
        }
        Shape::Elsewhere(name) => json!({ "$ref": format!("#/$defs/{name}") }),
    }
}

fn pair(key: &str, about: &str) -> Value {
    let value = json!({ "type": "string", "description": about });
    json!({ "type": "object", "properties": { key: value }, "required": [key], "additionalProperties": false })
}

const DURATION: &str = "^([0-9]+(\\.[0-9]+)?d)?([0-9]+(\\.[0-9]+)?h)?([0-9]+(\\.[0-9]+)?m)?([0-9]+(\\.[0-9]+)?s)?([0-9]+(\\.[0-9]+)?ms)?$";

#[cfg(test)]
mod tests {
    use super::*;

    /// To make it current: `HC_BLESS=1 cargo test -p hc-config`.
    #[test]
    fn the_checked_in_schema_is_current() {
        let mut text = serde_json::to_string_pretty(&schema()).unwrap();
        text.push('\n');
        crate::reference::tests::check_current("../../schema/hc.schema.json", &text);
    }
}
