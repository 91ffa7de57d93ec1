//! The command-line program.

use std::process::ExitCode;

// Here and not in the library: a program that uses the library picks its own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ticketlog::cli::main()
}
