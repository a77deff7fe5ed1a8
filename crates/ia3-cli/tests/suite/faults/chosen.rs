//! The faults that a table takes.

use ia3_testing::{Fault, SystemCall};

use super::table::all;

/// The faults of the table at these calls: every fault at every call in the long table; in the short one, kills at every
/// rename, at every tenth write and at the first and last removal, and errors at the first and last call of each kind.
pub(crate) fn chosen(calls: &[SystemCall]) -> Vec<(SystemCall, Fault)> {
    if all() {
        let faults = [Fault::Kill].into_iter().chain(["ENOSPC", "EIO", "EROFS", "EACCES"].map(Fault::Error));
        return faults.flat_map(|fault| calls.iter().map(move |call| (call.clone(), fault))).collect();
    }
    let of = |kinds: &[&str]| -> Vec<&SystemCall> {
        calls.iter().filter(|call| kinds.iter().any(|kind| call.name.contains(kind))).collect()
    };
    let (writes, renames) = (of(&["write"]), of(&["rename", "link"]));
    let (removals, makes) = (of(&["unlink", "rmdir"]), of(&["mkdir", "open"]));
    let mut chosen = vec![];
    let mut add = |calls: Vec<&SystemCall>, fault: Fault| {
        chosen.extend(calls.into_iter().map(|call| (call.clone(), fault)));
    };
    add(renames.iter().copied().filter(|call| !removals.contains(call)).collect(), Fault::Kill);
    add(writes.iter().step_by(10).copied().collect(), Fault::Kill);
    add(ends(&removals), Fault::Kill);
    add(ends(&writes), Fault::Error("ENOSPC"));
    for calls in [&renames, &removals, &of(&["sync"])] {
        add(ends(calls), Fault::Error("EIO"));
    }
    add(ends(&makes), Fault::Error("EROFS"));
    chosen
}

/// The first and the last call.
fn ends<'a>(calls: &[&'a SystemCall]) -> Vec<&'a SystemCall> {
    match calls {
        [] => vec![],
        [only] => vec![only],
        [first, .., last] => vec![first, last],
    }
}
