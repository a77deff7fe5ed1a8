//! The tests of PEFT's own suite that (IA)³ can fail, as tests of [`ia3::Ia3Model`]; `docs/peft-tests.md` says which is
//! which. Tolerances are at most PEFT's, and unmerging is exact.

mod adapters;
mod disabling;
mod forward;
mod loading;
mod low_level;
mod mapping;
mod matching;
mod merging;
mod modules_to_save;
mod saving;
mod training;
mod weighting;
