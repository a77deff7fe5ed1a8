//! Panics of other crates as errors.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::escape::quote;

thread_local! {
    /// How many calls of [`caught`] this thread is in.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Runs code of another crate on input that cannot be checked before; a panic becomes an error with its message.
///
/// The panic hook prints nothing for this thread meanwhile. A panic leaves values that the code was changing in an unknown
/// state, so they must not be used afterwards.
///
/// # Errors
///
/// The message of the panic, escaped and cut as [`quote`] does.
pub fn caught<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    silence();
    DEPTH.with(|depth| depth.set(depth.get() + 1));
    let result = panic::catch_unwind(AssertUnwindSafe(code));
    DEPTH.with(|depth| depth.set(depth.get() - 1));
    result.map_err(|payload| quote(message(payload.as_ref())).into_owned())
}

/// Makes the panic hook leave out panics that [`caught`] turns into errors.
fn silence() {
    static SILENCED: Once = Once::new();
    SILENCED.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if DEPTH.with(Cell::get) == 0 {
                print(info);
            }
        }));
    });
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        let index = [1, 2].len();
        let out_of_bounds = caught(|| [1, 2][std::hint::black_box(index)]);
        assert_eq!(out_of_bounds.unwrap_err(), "index out of bounds: the len is 2 but the index is 2");
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught(|| caught(|| panic!("inner\n")).map(|()| 1)), Ok(Err("inner\\n".to_string())));
    }
}
