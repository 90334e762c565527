//! JSON schemas in the words of a list of fields.

use std::collections::BTreeMap;

use askama::Template;
use serde_json::{Map, Value};

use super::json_types::{chosen, description, enumeration, is_type, name_of, strings, word_of};
use crate::{
    config::BasePath,
    web::{display, filters, shell::Markup},
};

/// How deep fields inside fields are shown.
pub(super) const DEPTH: usize = 4;

/// What tells objects apart of which one is there.
const TYPE: &str = "type";

/// A field or a parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Field {
    name: String,
    kind: Kind,
    /// That it must be sent, or that it may be absent from what is returned.
    presence: Presence,
    description: String,
    /// What it takes: "1 to 100", its values, what it is when left out.
    bounds: Vec<String>,
    /// The fields inside it.
    inner: Vec<Field>,
}

/// A type in words, around the object that is described elsewhere on the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) before: String,
    pub(super) object: Option<Described>,
    pub(super) after: String,
}

/// What is to be known of a field's presence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Presence {
    /// Nothing: an optional field of a request, or one that is always returned.
    #[default]
    Plain,
    Required,
    Absent,
}

/// Which way a body goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Sent,
    Returned,
}

/// An object that has a section of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Described {
    /// The section's id.
    pub(super) id: String,
    /// "API key".
    pub(super) name: String,
}

/// What a body holds: in words, and field by field where it is described here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// "a list of", the object, and "objects".
    pub(super) lead: Option<Kind>,
    pub(super) fields: Vec<Field>,
}

/// Fields as they stand on the page.
#[derive(Template)]
#[template(path = "api_docs/fields.html")]
struct FieldList<'a> {
    fields: &'a [Field],
    base_path: &'a BasePath,
}

/// Renders fields.
pub(super) fn field_list(fields: &[Field], base_path: &BasePath) -> askama::Result<Markup> {
    if fields.is_empty() {
        return Ok(Markup::default());
    }
    Markup::render(&FieldList { fields, base_path }, base_path)
}

impl Field {
    /// The fields inside it, as they stand on the page.
    fn inner_list(&self, base_path: &BasePath) -> askama::Result<Markup> {
        field_list(&self.inner, base_path)
    }

    /// "3 fields".
    fn count(&self) -> String {
        let are_choices = self.inner.iter().any(|field| field.kind == Kind::words(TYPE));
        let [one, many] = if are_choices { [TYPE, "types"] } else { ["field", "fields"] };
        display::count(&(self.inner.len() as i64), one, many)
    }
}

/// The schemas that others refer to by name.
pub(super) struct Schemas<'a> {
    named: Option<&'a Value>,
    /// The objects that have a section of their own, by the names of their schemas.
    described: BTreeMap<&'a str, Described>,
}

impl<'a> Schemas<'a> {
    /// The schemas of a description. An object has a section of its own when an operation returns it, and
    /// another one or another object refers to it, too.
    pub(super) fn of(document: &'a Value) -> Self {
        let named = document.pointer("/components/schemas");
        let mut references = BTreeMap::new();
        count_references(named.unwrap_or(&Value::Null), &mut references);
        let mut returned: BTreeMap<&str, usize> = BTreeMap::new();
        for schema in returned_schemas(document) {
            let name = name_of(schema).map(|name| match name.strip_prefix("List_") {
                Some(item) => item,
                None => name,
            });
            if let Some(name) = name.or_else(|| name_of(&schema["items"])) {
                *returned.entry(name).or_default() += 1;
            }
        }
        let mut described: BTreeMap<&str, Described> = returned
            .into_iter()
            // A list of a kind is itself such a reference.
            .filter(|(name, times)| {
                let is_listed = named.is_some_and(|all| all.get(format!("List_{name}")).is_some());
                times + references.get(name).copied().unwrap_or_default() - usize::from(is_listed) > 1
            })
            .filter(|(name, _)| named.is_some_and(|all| all.get(name).is_some()))
            .map(|(name, _)| (name, Described::new(name)))
            .collect();
        let objects = described.clone();
        described.retain(|name, _| {
            let bases = named.and_then(|all| all.get(name)?.get("allOf")?.as_array()).into_iter().flatten();
            !bases.filter_map(name_of).any(|base| objects.contains_key(base))
        });
        Self { named, described }
    }

    /// The object with a section of its own that a body is, lists or adds to.
    pub(super) fn object_in(&self, schema: &Value) -> Option<(&'a str, &Described)> {
        let name = name_of(schema).or_else(|| name_of(&schema["items"]))?;
        let name = name.strip_prefix("List_").unwrap_or(name);
        let bases = self.named?.get(name)?["allOf"].as_array().into_iter().flatten().filter_map(name_of);
        let mut names = std::iter::once(name).chain(bases);
        names.find_map(|name| self.described.get_key_value(name)).map(|(name, object)| (*name, object))
    }

    /// The schema with this name.
    pub(super) fn named(&self, name: &str) -> Option<&'a Value> {
        self.named?.get(name)
    }

    /// What a body holds.
    pub(super) fn shape(&self, schema: &Value, direction: Direction) -> Shape {
        if let Some(name) = name_of(schema)
            && let Some(object) = self.described.get(name)
        {
            return Shape { lead: Some(Kind::one(object)), fields: Vec::new() };
        }
        if let Some(items) = self.items_of_list(schema) {
            return match name_of(items).and_then(|name| self.described.get(name)) {
                Some(object) => Shape { lead: Some(Kind::many("a list of", object)), fields: Vec::new() },
                None if is_type(self.resolved(items), "string") => {
                    Shape { lead: Some(Kind::words("a list of strings")), fields: Vec::new() }
                }
                None => Shape {
                    lead: Some(Kind::words("a list of objects with these fields")),
                    fields: self.fields(items, direction),
                },
            };
        }
        let resolved = self.resolved(schema);
        if is_type(resolved, "array") {
            let lead = Some(Kind::words("an array of objects with these fields"));
            return Shape { lead, fields: self.fields(&resolved["items"], direction) };
        }
        let bases = resolved["allOf"].as_array().into_iter().flatten();
        let base = bases.filter_map(name_of).find_map(|name| self.described.get(name));
        let lead =
            base.map(|object| Kind { after: " object and these fields".to_owned(), ..Kind::one(object) });
        Shape { lead, fields: self.fields(schema, direction) }
    }

    /// The items, where a schema is a page of a list.
    fn items_of_list<'b>(&'b self, schema: &'b Value) -> Option<&'b Value> {
        name_of(schema).filter(|name| name.starts_with("List_"))?;
        self.resolved(schema).pointer("/properties/data/items")
    }

    /// The fields of an object, without those of one that has a section of its own.
    pub(super) fn fields(&self, schema: &Value, direction: Direction) -> Vec<Field> {
        self.fields_within(schema, direction, DEPTH)
    }

    fn fields_within(&self, schema: &Value, direction: Direction, depth: usize) -> Vec<Field> {
        if depth == 0 {
            return Vec::new();
        }
        let schema = self.resolved(schema);
        let parts = schema["allOf"].as_array().map(Vec::as_slice).unwrap_or_default().iter();
        let parts = parts.filter(|part| name_of(part).is_none_or(|name| !self.described.contains_key(name)));
        // What is special comes last in the schema, and first on the page.
        let mut fields: Vec<Field> =
            parts.rev().flat_map(|part| self.fields_within(part, direction, depth)).collect();
        let required: Vec<&str> = strings(&schema["required"]);
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            fields.push(self.field(name, property, required.contains(&name.as_str()), direction, depth));
        }
        fields
    }

    fn field(
        &self,
        name: &str,
        property: &Value,
        is_required: bool,
        direction: Direction,
        depth: usize,
    ) -> Field {
        let kind = self.kind(property);
        let inner = self.without_null(self.resolved(property));
        let within = if is_type(inner, "array") { self.resolved(&inner["items"]) } else { inner };
        let choices = self.choices(within, direction, depth);
        Field {
            name: name.to_owned(),
            presence: match direction {
                Direction::Sent if is_required => Presence::Required,
                Direction::Returned if !is_required => Presence::Absent,
                _ => Presence::Plain,
            },
            description: description(property),
            bounds: self.bounds(property),
            inner: match (&kind.object, choices.is_empty()) {
                (Some(_), _) => Vec::new(),
                (None, false) => choices,
                (None, true) => self.fields_within(within, direction, depth - 1),
            },
            kind,
        }
    }

    /// One entry for each of the objects of which one is there, told apart by their `type`.
    fn choices(&self, schema: &Value, direction: Direction, depth: usize) -> Vec<Field> {
        let choices = schema["oneOf"].as_array().into_iter().flatten();
        let choice = |choice: &Value| {
            let name = choice.pointer("/properties/type/enum/0")?.as_str()?;
            let fields = self.fields_within(choice, direction, depth.saturating_sub(1));
            Some(Field {
                name: name.to_owned(),
                kind: Kind::words(TYPE),
                description: description(choice),
                inner: fields.into_iter().filter(|field| field.name != "type").collect(),
                ..Field::default()
            })
        };
        choices.filter_map(choice).collect()
    }

    /// A parameter or header, whose schema stands beside its description.
    pub(super) fn parameter(&self, name: &str, parameter: &Value) -> Field {
        let schema = &parameter["schema"];
        Field {
            name: name.to_owned(),
            kind: self.kind(schema),
            presence: if parameter["required"] == true { Presence::Required } else { Presence::Plain },
            description: description(parameter),
            bounds: self.bounds(schema),
            inner: Vec::new(),
        }
    }

    /// The schema itself, or the one that it names.
    pub(super) fn resolved<'b>(&'b self, schema: &'b Value) -> &'b Value {
        name_of(schema).and_then(|name| self.named?.get(name)).unwrap_or(schema)
    }

    /// Of "this or null", this.
    pub(super) fn without_null<'b>(&'b self, schema: &'b Value) -> &'b Value {
        self.resolved(chosen(schema))
    }

    pub(super) fn kind(&self, schema: &Value) -> Kind {
        let resolved = self.resolved(schema);
        let one = chosen(resolved);
        let inner = self.resolved(one);
        let choices = resolved["oneOf"].as_array().into_iter().flatten();
        let has_null = is_type(resolved, "null") || choices.into_iter().any(|choice| is_type(choice, "null"));
        let named = name_of(schema).or_else(|| name_of(one));
        let mut kind = if let Some(object) = named.and_then(|name| self.described.get(name)) {
            Kind { object: Some(object.clone()), after: " object".to_owned(), ..Kind::default() }
        } else if is_type(inner, "array") {
            let mut items = self.kind(&inner["items"]);
            let last = if items.object.is_some() { &mut items.after } else { &mut items.before };
            last.push('s');
            Kind { before: format!("array of {}", items.before), ..items }
        } else {
            Kind::words(word_of(inner))
        };
        if has_null {
            kind.after += " or null";
        }
        kind
    }

    /// What a value must be like, each in one phrase.
    fn bounds(&self, schema: &Value) -> Vec<String> {
        let resolved = self.resolved(schema);
        let inner = self.without_null(resolved);
        let within = if is_type(inner, "array") { self.without_null(&inner["items"]) } else { inner };
        let number = |name: &str| inner[name].as_i64();
        let mut bounds = Vec::new();
        if let Some(values) = enumeration(within) {
            let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
            bounds.push(format!("Values: {}.", values.join(", ")));
        }
        bounds.extend(range(number("minLength").filter(|min| *min > 0), number("maxLength"), "character"));
        bounds.extend(range(number("minItems").filter(|min| *min > 0), number("maxItems"), "item"));
        bounds.extend(range(number("minimum").filter(|min| *min > 0), number("maximum"), ""));
        let default = [schema, resolved, inner].into_iter().find_map(|schema| schema.get("default"));
        if let Some(default) = default {
            bounds
                .push(format!("Default: `{}`.", default.as_str().map_or(default.to_string(), str::to_owned)));
        }
        bounds
    }
}

impl Described {
    fn new(schema: &str) -> Self {
        let mut words = String::new();
        for (index, letter) in schema.char_indices() {
            if letter.is_uppercase() && index > 0 {
                words.push(' ');
            }
            words.extend(letter.to_lowercase());
        }
        let id = format!("{}-object", words.replace(' ', "-"));
        Self { id, name: words.replace("api ", "API ") }
    }

    /// "API key object".
    pub(super) fn title(&self) -> String {
        let mut letters = self.name.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(letters).chain(" object".chars()).collect()
    }
}

impl Kind {
    fn words(words: impl Into<String>) -> Self {
        Self { before: words.into(), ..Self::default() }
    }

    /// "an API key object".
    fn one(object: &Described) -> Self {
        let article = if object.name.starts_with(['A', 'a', 'e', 'i', 'o']) { "an " } else { "a " };
        Self { before: article.to_owned(), object: Some(object.clone()), after: " object".to_owned() }
    }

    /// "a list of API key objects".
    fn many(before: &str, object: &Described) -> Self {
        Self { before: format!("{before} "), object: Some(object.clone()), after: " objects".to_owned() }
    }
}

/// How often each schema is referred to.
fn count_references<'a>(value: &'a Value, references: &mut BTreeMap<&'a str, usize>) {
    if let Some(name) = name_of(value) {
        *references.entry(name).or_default() += 1;
    }
    let (items, fields) = (value.as_array(), value.as_object());
    let fields = fields.into_iter().flat_map(Map::values);
    items.into_iter().flatten().chain(fields).for_each(|value| count_references(value, references));
}

/// The schemas of what operations return.
fn returned_schemas(document: &Value) -> impl Iterator<Item = &Value> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(_, item)| item.as_object().into_iter().flat_map(Map::values));
    let responses =
        operations.flat_map(|operation| operation["responses"].as_object().into_iter().flat_map(Map::values));
    let contents = responses
        .filter_map(|response| response["content"].as_object().and_then(|content| content.values().next()));
    contents.map(|content| &content["schema"])
}

/// "1 to 60 characters.".
fn range(min: Option<i64>, max: Option<i64>, unit: &str) -> Option<String> {
    let number = |number: i64| display::thousands(&number);
    let (words, last) = match (min, max) {
        (Some(min), Some(max)) => (format!("{} to {}", number(min), number(max)), max),
        (Some(min), None) => (format!("At least {}", number(min)), min),
        (None, Some(max)) => (format!("At most {}", number(max)), max),
        (None, None) => return None,
    };
    Some(match unit {
        "" => format!("{words}."),
        unit if last == 1 => format!("{words} {unit}."),
        unit => format!("{words} {unit}s."),
    })
}
