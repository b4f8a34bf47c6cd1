//! `latier run`: one program, from its file to its exit code. How functions are compiled is the engine's business.

use super::error::{Ending, TRAPPED};
use super::flags::{Cli, RunOptions};
use super::log::Log;
use super::stats::{Stopwatch, Summary};
use super::timeline::{Page, Timeline};
use super::wasm_settings::WasmSettings;
use super::{end, invoke, missing, output};
use crate::wasi::{self, DirPerms, WasiCtx, WasiCtxBuilder};
use crate::{
    Config, Engine, Error, Func, Instance, Linker, Module, Result, Store, StoreLimits, TierUp, Trap,
};
use anyhow::Context;
use clap::CommandFactory;
use std::io::Read;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Stack for latier itself beside the guest's, in bytes: host functions and the compiler run on the same one.
const OWN_STACK: usize = 2 << 20;

/// What the store carries for host functions.
struct Host {
    wasi: WasiCtx,
    limits: StoreLimits,
}

/// Runs the program on a thread of its own, whose stack holds what the guest may use, and ends the process. `command` is
/// the one that says so, if there is any.
pub(super) fn main(options: RunOptions, command: Option<&str>) -> ! {
    if options.file_and_args.is_empty() {
        missing(command, "no program was given");
    }
    let color = options.engine.common.color;
    let (config, settings) = options.engine.config(options.validation);
    let stack = settings.max_wasm_stack.saturating_add(OWN_STACK);
    let thread = std::thread::Builder::new().name("guest".into()).stack_size(stack);
    let guest = thread.spawn(move || end(&Program::new(options, settings).run(config), color));
    match guest {
        Ok(guest) => {
            // The guest's thread ends the process; it comes here only by a panic, which has said what it is.
            let _ = guest.join();
            output::exit(101)
        }
        Err(error) => end(&Ending::usage(format!("a stack of {stack} bytes for the guest: {error}")), color),
    }
}

/// A program about to run.
struct Program {
    options: RunOptions,
    settings: WasmSettings,
    file: PathBuf,
}

impl Program {
    fn new(options: RunOptions, settings: WasmSettings) -> Program {
        let file = PathBuf::from(&options.file_and_args[0]);
        Program { options, settings, file }
    }

    fn args(&self) -> &[std::ffi::OsString] {
        &self.options.file_and_args[1..]
    }

    fn run(&self, mut config: Config) -> Ending {
        let mut watch = Stopwatch::start();
        if let Some(timeout) = self.settings.timeout {
            end_after(timeout, self.options.engine.common.color);
        }
        let listening = self.listen(&mut config).and_then(|page| Ok((page, Engine::new(&config)?)));
        let (page, engine) = match listening {
            Ok(both) => both,
            Err(error) => return Ending::failed(&self.file, &error),
        };
        let loaded = load(&engine, &self.file);
        watch.loaded();
        let ending = match &loaded {
            Ok(module) => self.run_module(&engine, module, &mut watch).unwrap_or_else(|ending| ending),
            Err(error) => Ending::failed(&self.file, error),
        };
        engine.session().keep();
        if let Some(stats) = &self.options.stats {
            let summary = Summary::new(&engine, self.options.engine.mode, loaded.as_ref().ok(), &watch);
            if let Err(error) = summary.write(stats) {
                output::say(&format!("warning: {error:#}"));
            }
        }
        if let Some(page) = page {
            let arguments: Vec<String> =
                self.args().iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
            let program = self.file.to_string_lossy();
            if let Err(error) = page.write(&program, &arguments, self.options.engine.mode) {
                output::say(&format!("warning: the timeline could not be written: {error}"));
            }
        }
        // As with the store, which holds it too.
        std::mem::forget(loaded);
        ending
    }

    /// Makes what wants to hear of the run hear it. A page that is to be written at the end is given back.
    fn listen(&self, config: &mut Config) -> Result<Option<Arc<Page>>> {
        if let Some(dir) = &self.options.dump_objects {
            std::fs::create_dir_all(dir).with_context(|| format!("cannot make `{}`", dir.display()))?;
            config.dump_objects(dir);
        }
        let mut page = None;
        if let Some(file) = &self.options.timeline {
            let file = file.as_deref();
            let refused =
                || format!("cannot write `{}`", file.unwrap_or(Path::new("standard error")).display());
            if let Some(html) = file.filter(|file| file.extension().is_some_and(|ending| ending == "html")) {
                let made = Arc::new(Page::new(html).with_context(refused)?);
                config.listener(made.clone());
                page = Some(made);
            } else {
                let timed = matches!(self.options.engine.tier_up(), TierUp::Sampled(_));
                config.listener(Arc::new(Timeline::new(file, timed).with_context(refused)?));
            }
        }
        if tracing::enabled!(tracing::Level::INFO) {
            config.listener(Arc::new(Log::new()));
        }
        Ok(page)
    }

    fn run_module(&self, engine: &Engine, module: &Module, watch: &mut Stopwatch) -> Result<Ending, Ending> {
        // The process ends with the run: what these hold goes back to the system with it, all at once.
        let mut store = ManuallyDrop::new(self.store(engine)?);
        let mut linker = ManuallyDrop::new(Linker::new(engine));
        self.run_in(&mut store, &mut linker, module, watch)
    }

    fn run_in(
        &self,
        store: &mut Store<Host>,
        linker: &mut Linker<Host>,
        module: &Module,
        watch: &mut Stopwatch,
    ) -> Result<Ending, Ending> {
        let failed = |error: Error| Ending::failed(&self.file, &error);
        wasi::add_to_linker(linker, |host: &mut Host| &mut host.wasi).map_err(failed)?;
        self.preload(linker, store)?;
        let guest = |error: Error| Ending::of_guest(&self.file, &error);
        let instance = linker.instantiate(&mut *store, module).map_err(guest)?;
        initialize(store, instance).map_err(guest)?;
        watch.instantiated();
        match &self.options.invoke {
            None => {
                let entry = entry(store, instance, module).map_err(failed)?;
                let mut results = invoke::room_for_results(entry, &*store);
                entry.call(&mut *store, &[], &mut results).map_err(guest)?;
            }
            Some(name) => {
                let func = invoke::exported(instance, &mut *store, module, name).map_err(failed)?;
                let args = invoke::arguments(name, func, &*store, self.args()).map_err(Ending::usage)?;
                let mut results = invoke::room_for_results(func, &*store);
                func.call(&mut *store, &args, &mut results).map_err(guest)?;
                output::print(&invoke::show(&results)).map_err(failed)?;
            }
        }
        Ok(Ending::success())
    }

    fn store(&self, engine: &Engine) -> Result<Store<Host>, Ending> {
        let wasi = self.wasi()?;
        let mut store = Store::new(engine, Host { wasi, limits: self.settings.limits() });
        store.limiter(|host| &mut host.limits);
        if let Some(fuel) = self.settings.fuel {
            store.set_fuel(fuel).expect("the engine was made for it");
        }
        Ok(store)
    }

    /// What the program may see of the system: its streams, arguments, variables and directories.
    fn wasi(&self) -> Result<WasiCtx, Ending> {
        let mut wasi = WasiCtxBuilder::new();
        wasi.inherit_stdio();
        match &self.options.argv0 {
            Some(name) => wasi.arg(name),
            None => wasi.arg(self.file.file_name().unwrap_or(self.file.as_os_str()).as_encoded_bytes()),
        };
        wasi.args(self.args().iter().map(|arg| arg.as_encoded_bytes()));
        for (name, value) in &self.options.env {
            match value {
                Some(value) => wasi.env(name, value),
                None => wasi.env(name, std::env::var_os(name).unwrap_or_default().as_encoded_bytes()),
            };
        }
        for (host, guest) in &self.options.dirs {
            let opened = wasi.preopened_dir(host, guest, DirPerms::ReadWrite);
            opened.map_err(|error| Ending::failed(host, &Error::new(error)))?;
        }
        Ok(wasi.build())
    }

    /// Instantiates what `--preload` names, in order, so that later ones and the program can import from it.
    fn preload(&self, linker: &mut Linker<Host>, store: &mut Store<Host>) -> Result<(), Ending> {
        for (name, file) in &self.options.preloads {
            let module = load(linker.engine(), file).map_err(|error| Ending::failed(file, &error))?;
            linker.module(&mut *store, name, &module).map_err(|error| Ending::of_guest(file, &error))?;
        }
        Ok(())
    }
}

/// Ends the process after this time, whatever it does then.
fn end_after(timeout: Duration, color: clap::ColorChoice) {
    let watch = move || {
        std::thread::sleep(timeout);
        let message = format!("Error: {}: it ran longer than {timeout:?} (-W timeout)", Trap::Interrupt);
        end(&Ending { code: TRAPPED, message }, color);
    };
    // Without a thread that ends it, it ends when it wants to: no reason not to run it.
    if let Err(error) = std::thread::Builder::new().name("timeout".into()).spawn(watch) {
        output::say(&format!("warning: -W timeout: {error}"));
    }
}

/// The module in a file, or on standard input.
pub(super) fn load(engine: &Engine, file: &Path) -> Result<Module> {
    if file != Path::new("-") {
        return Module::from_file(engine, file).map_err(|error| match near_command(file) {
            Some(command) if !file.exists() => {
                Error::msg(format!("{error:#}; did you mean the command `{command}`?"))
            }
            _ => error,
        });
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    Module::new(engine, bytes)
}

/// The command that may be meant by what is not the name of a file.
fn near_command(file: &Path) -> Option<String> {
    let name = file.to_str()?;
    let command = Cli::command();
    let names = command.get_subcommands().map(|command| command.get_name());
    let near = names.map(|known| (strsim::jaro_winkler(name, known), known));
    let (nearness, near) = near.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (nearness > 0.85).then(|| near.to_owned())
}

/// Runs a reactor's initialization (WASI, "application ABI").
fn initialize(store: &mut Store<Host>, instance: Instance) -> Result<()> {
    match instance.get_func(&mut *store, "_initialize") {
        Some(initialize) => initialize.call(&mut *store, &[], &mut []),
        None => Ok(()),
    }
}

/// Where a program begins.
fn entry(store: &mut Store<Host>, instance: Instance, module: &Module) -> Result<Func> {
    let entry = instance.get_func(&mut *store, "_start").or_else(|| instance.get_func(&mut *store, ""));
    entry.with_context(|| {
        format!("no `_start` to run; `--invoke NAME` calls another export{}", invoke::functions(module))
    })
}
