//! What the programs in `fuzz/fuzz_targets` run.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook};

use crate::limits::within_limits;
use crate::target::Target;

/// Runs a target on an input of libFuzzer. A panic is a fault, which libFuzzer keeps.
pub fn fuzz(target: &Target, data: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| within_limits(target, data))) {
        eprintln!("{}: {}", target.name, panic_message(&*panic));
        resume_unwind(panic);
    }
}

/// Keeps a panic that a reader catches from ending the process, as libFuzzer's own hook would.
pub fn ignore_caught_panics() {
    set_hook(Box::new(|_| {}));
}

/// The message of a panic.
pub fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message")
}

/// The program of libFuzzer for the target in the module of this name.
#[macro_export]
macro_rules! program {
    ($name:ident) => {
        libfuzzer_sys::fuzz_target!(init: $crate::ignore_caught_panics(), |data: &[u8]| {
            $crate::fuzz(&$crate::$name::TARGET, data)
        });
    };
}
