use std::ops::Range;

use ia3_core::ModelInfo;

/// Records for every module whose path ends with `name` that its outputs at `queries` are queries.
pub(crate) fn with_queries(mut info: ModelInfo, name: &str, queries: &[Range<usize>]) -> ModelInfo {
    let ends = |path: &str| path.strip_suffix(name).is_some_and(|start| start.ends_with('.'));
    for module in info.modules.iter_mut().filter(|m| ends(&m.path)) {
        module.queries = queries.to_vec();
    }
    info
}
