//! Jinja as promptsource sets it up, on minijinja.

use std::collections::BTreeMap;
use std::sync::Mutex;

use minijinja::value::{Object, Rest};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value};
use rand::SeedableRng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::python;

/// The variable that holds the answer choices.
pub(super) const ANSWER_CHOICES: &str = "answer_choices";
/// The variable that holds the random number generator. No field of JSON data is likely to have its name.
pub(super) const RANDOM: &str = "__ia3_random";

/// How deep macros may call each other.
const MAX_RECURSION: usize = 100;

/// The filters, functions and methods that promptsource's templates may use.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_recursion_limit(MAX_RECURSION);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_unknown_method_callback(python::method);
    environment.set_formatter(python::formatter);
    environment.add_filter("choice", choice);
    environment.add_filter("random", choice);
    environment.add_filter("most_frequent", most_frequent);
    environment.add_filter("highlight", |text: String| text);
    environment.add_filter("string", |value: Value| python::text(&value));
    environment.add_filter("join", python::join);
    environment.add_function("zip", zip);
    environment
}

/// The random number generator of one rendering.
#[derive(Debug)]
struct Draws(Mutex<ChaCha8Rng>);

impl Object for Draws {}

/// A random number generator with this seed.
pub(super) fn random(seed: u64) -> Value {
    Value::from_object(Draws(Mutex::new(ChaCha8Rng::seed_from_u64(seed))))
}

/// Draws one of the items, as Python's `random.choice` does.
fn choice(state: &State, items: Value) -> Result<Value, Error> {
    let items: Vec<Value> = items.try_iter()?.collect();
    let draws = state.lookup(RANDOM);
    let draws = draws.as_ref().and_then(|value| value.downcast_object_ref::<Draws>());
    let mut draws = match draws.map(|draws| draws.0.lock()) {
        Some(Ok(draws)) => draws,
        _ => {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                "the template has no random number generator",
            ));
        }
    };
    let nothing = || Error::new(ErrorKind::InvalidOperation, "there are no items to choose from");
    items.choose(&mut *draws).cloned().ok_or_else(nothing)
}

/// The most frequent items, in the order in which they first occur.
fn most_frequent(items: Value) -> Result<Value, Error> {
    let items: Vec<Value> = items.try_iter()?.collect();
    let mut counts = BTreeMap::new();
    items.iter().for_each(|item| *counts.entry(item.clone()).or_insert(0) += 1);
    let most: usize = counts.values().max().copied().unwrap_or(0);
    let mut frequent: Vec<Value> = vec![];
    for item in items {
        // The first of equal items takes the count with it.
        if counts.get(&item) == Some(&most) {
            counts.remove(&item);
            frequent.push(item);
        }
    }
    Ok(if frequent.is_empty() { Value::from(()) } else { frequent.into() })
}

/// Combines lists item by item, up to the length of the shortest list, as Python's `zip` does.
fn zip(lists: Rest<Value>) -> Result<Value, Error> {
    let lists =
        lists.iter().map(|l| Ok(l.try_iter()?.collect::<Vec<_>>())).collect::<Result<Vec<_>, Error>>()?;
    let length = lists.iter().map(Vec::len).min().unwrap_or(0);
    let row = |i: usize| lists.iter().map(|list| list[i].clone()).collect::<Value>();
    Ok((0..length).map(row).collect::<Vec<Value>>().into())
}
