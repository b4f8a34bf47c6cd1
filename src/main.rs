//! The command line's entry: hands the arguments over and knows nothing of them.

fn main() {
    latier::cli::main(std::env::args_os())
}
