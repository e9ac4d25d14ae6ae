//! Re-exports the C API so that its symbols land in libpando_wasmtime.a.
pub use wasmtime_c_api::*;
