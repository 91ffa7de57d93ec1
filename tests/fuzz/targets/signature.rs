//! Bytes from the fuzzer to `ticketlog_fuzz::signature`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ticketlog_fuzz::signature(bytes));
