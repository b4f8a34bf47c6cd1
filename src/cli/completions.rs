//! `latier completions` and `latier man`: what shells and readers of manuals want of the table of options. Adds
//! nothing to it.

use super::flags::Cli;
use super::output;
use clap::CommandFactory;
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use std::io;

/// What makes a shell complete latier's options.
pub(super) fn text(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    generate(shell, &mut Cli::command(), "latier", &mut text);
    text
}

/// The manual page: latier's own sections, then one for each command.
pub(super) fn manual() -> Vec<u8> {
    let mut text = Vec::new();
    write_manual(&mut text).expect("writing to memory does not fail");
    text
}

fn write_manual(text: &mut Vec<u8>) -> io::Result<()> {
    let mut command = Cli::command();
    command.build();
    let page = Man::new(command.clone());
    page.render_title(text)?;
    page.render_name_section(text)?;
    page.render_synopsis_section(text)?;
    page.render_description_section(text)?;
    page.render_options_section(text)?;
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        let page = Man::new(command.clone());
        let mut sections = Vec::new();
        page.render_synopsis_section(&mut sections)?;
        page.render_description_section(&mut sections)?;
        page.render_options_section(&mut sections)?;
        page.render_extra_section(&mut sections)?;
        text.extend(format!(".SH \"LATIER {}\"\n", command.get_name().to_uppercase()).bytes());
        // Sections of a page become parts of a section.
        text.extend(String::from_utf8_lossy(&sections).replace(".SH ", ".SS ").bytes());
    }
    page.render_extra_section(text)?;
    page.render_version_section(text)
}

/// Prints it, and ends the process.
pub(super) fn print(text: &[u8]) -> ! {
    output::answer(&String::from_utf8_lossy(text))
}
