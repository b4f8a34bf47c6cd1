//! The state of one guest's system interface and how an embedder sets it up; knows no function of the interface.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use cap_std::fs::Dir;
use rustix::fs::{Mode, OFlags};

use super::args::Strings;
use super::clock::{Clocks, HostClocks};
use super::random::{HostRandom, Random};
use super::stdio::{Input, Output};
use super::table::{Descriptor, Directory, Kind, PREOPEN_RIGHTS, Rights, Table};
use super::types::{FileType, rights};

/// All that one guest can reach through WASI preview 1. Its methods are the functions of the interface, over the
/// guest's memory as bytes.
pub struct WasiCtx {
    pub(super) args: Strings,
    pub(super) environ: Strings,
    pub(super) table: Table,
    pub(super) clocks: Box<dyn Clocks>,
    pub(super) random: Box<dyn Random>,
}

impl WasiCtx {
    /// Starts to describe a context; what is not said is absent: no arguments, no variables, no directories,
    /// standard input at its end, standard output and error discarded.
    pub fn builder() -> WasiCtxBuilder {
        WasiCtxBuilder::default()
    }
}

impl std::fmt::Debug for WasiCtx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WasiCtx").field("table", &self.table).finish_non_exhaustive()
    }
}

/// A directory may be changed through its descriptor, or only read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirPerms {
    /// Everything that the host allows this process.
    ReadWrite,
    /// What would change a file, a directory or their attributes is refused with `Notcapable`.
    ReadOnly,
}

/// Describes a [`WasiCtx`].
#[derive(Default)]
pub struct WasiCtxBuilder {
    args: Strings,
    environ: Strings,
    stdin: Input,
    stdout: Output,
    stderr: Output,
    preopened: Vec<Descriptor>,
    clocks: Option<Box<dyn Clocks>>,
    random: Option<Box<dyn Random>>,
}

impl WasiCtxBuilder {
    /// The description of a context that reaches nothing.
    pub fn new() -> WasiCtxBuilder {
        WasiCtxBuilder::default()
    }

    /// Adds an argument; the first is the program's name. It must not contain NUL, at which guests end it.
    pub fn arg(&mut self, arg: impl AsRef<[u8]>) -> &mut Self {
        self.args.push(arg.as_ref());
        self
    }

    /// Adds arguments.
    pub fn args(&mut self, args: impl IntoIterator<Item = impl AsRef<[u8]>>) -> &mut Self {
        for arg in args {
            self.arg(arg);
        }
        self
    }

    /// Adds an environment variable.
    pub fn env(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> &mut Self {
        self.environ.push(&[name.as_ref(), b"=", value.as_ref()].concat());
        self
    }

    /// Adds the variables of this process.
    pub fn inherit_env(&mut self) -> &mut Self {
        for (name, value) in std::env::vars_os() {
            self.env(name.as_encoded_bytes(), value.as_encoded_bytes());
        }
        self
    }

    /// Sets where the guest's standard input comes from.
    pub fn stdin(&mut self, input: impl Into<Input>) -> &mut Self {
        self.stdin = input.into();
        self
    }

    /// Sets where the guest's standard output goes.
    pub fn stdout(&mut self, output: impl Into<Output>) -> &mut Self {
        self.stdout = output.into();
        self
    }

    /// Sets where the guest's standard error goes.
    pub fn stderr(&mut self, output: impl Into<Output>) -> &mut Self {
        self.stderr = output.into();
        self
    }

    /// Gives the guest the three standard streams of this process.
    pub fn inherit_stdio(&mut self) -> &mut Self {
        self.stdin(Input::Inherit).stdout(Output::InheritStdout).stderr(Output::InheritStderr)
    }

    /// Opens a host's directory, under which the guest will find its files by the name `guest`.
    pub fn preopened_dir(
        &mut self,
        host: impl AsRef<Path>,
        guest: impl Into<String>,
        perms: DirPerms,
    ) -> io::Result<&mut Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(host.as_ref(), flags, Mode::empty())?);
        let preopen = Some(guest.into());
        let directory = Directory { dir: Dir::from_std_file(file), preopen, listing: None };
        let mut descriptor = Descriptor::new(Kind::Directory(directory), FileType::Directory, PREOPEN_RIGHTS);
        if perms == DirPerms::ReadOnly {
            descriptor.drop_rights(Rights { base: rights::MUTATING, inheriting: rights::MUTATING });
        }
        self.preopened.push(descriptor);
        Ok(self)
    }

    /// Gives the guest a socket on which it may accept connections.
    pub fn preopened_listener(&mut self, listener: TcpListener) -> &mut Self {
        let base = rights::SOCK_ACCEPT | rights::POLL_FD_READWRITE | rights::FD_FDSTAT_SET_FLAGS;
        let rights = Rights { base, inheriting: rights::STREAM };
        let kind = Kind::Listener(listener.into());
        self.preopened.push(Descriptor::new(kind, FileType::SocketStream, rights));
        self
    }

    /// Gives the guest a connection.
    pub fn preopened_stream(&mut self, stream: TcpStream) -> &mut Self {
        let rights = Rights { base: rights::STREAM, inheriting: 0 };
        let kind = Kind::Stream(stream.into());
        self.preopened.push(Descriptor::new(kind, FileType::SocketStream, rights));
        self
    }

    /// Replaces the host's clocks.
    pub fn clocks(&mut self, clocks: impl Clocks + 'static) -> &mut Self {
        self.clocks = Some(Box::new(clocks));
        self
    }

    /// Replaces the host's random numbers.
    pub fn random(&mut self, random: impl Random + 'static) -> &mut Self {
        self.random = Some(Box::new(random));
        self
    }

    /// Makes the context; the builder describes nothing afterwards.
    pub fn build(&mut self) -> WasiCtx {
        let builder = std::mem::take(self);
        let mut table = Table::default();
        let stdio = [
            standard(Kind::Input(builder.stdin), rights::FD_READ),
            standard(Kind::Output(builder.stdout), rights::FD_WRITE),
            standard(Kind::Output(builder.stderr), rights::FD_WRITE),
        ];
        for descriptor in stdio.into_iter().chain(builder.preopened) {
            // Numbers run out only beyond 2^32 descriptors.
            let _ = table.insert(descriptor);
        }
        WasiCtx {
            args: builder.args,
            environ: builder.environ,
            table,
            clocks: builder.clocks.unwrap_or_else(|| Box::new(HostClocks)),
            random: builder.random.unwrap_or_else(|| Box::new(HostRandom)),
        }
    }
}

/// A standard stream is a terminal or of unknown kind, and never seekable: so a guest's C library decides whether to
/// buffer lines.
fn standard(kind: Kind, direction: u64) -> Descriptor {
    let base = direction | rights::FD_FDSTAT_SET_FLAGS | rights::FD_FILESTAT_GET | rights::POLL_FD_READWRITE;
    let rights = Rights { base, inheriting: base };
    let mut descriptor = Descriptor::new(kind, FileType::Unknown, rights);
    if descriptor.host_fd().is_some_and(|fd| fd.is_terminal()) {
        descriptor.filetype = FileType::CharacterDevice;
    }
    descriptor
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasi::errno::Errno;

    #[test]
    fn a_context_can_move_between_threads() {
        fn is_send<T: Send>(_: &T) {}
        is_send(&WasiCtx::builder().build());
    }

    #[test]
    fn a_missing_directory_is_an_error_of_the_host() {
        let mut builder = WasiCtx::builder();
        let error = builder.preopened_dir("/nowhere/at/all", "/", DirPerms::ReadWrite).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let error = builder.preopened_dir("/dev/null", "/", DirPerms::ReadWrite).err().unwrap();
        assert_eq!(Errno::from(error), Errno::Notdir);
    }

    #[test]
    fn what_is_inherited_is_the_processs() {
        let mut ctx = WasiCtxBuilder::new().inherit_env().inherit_stdio().build();
        let mut memory = vec![0; 8];
        ctx.environ_sizes_get(&mut memory, 0, 4).unwrap();
        assert_eq!(memory[..4], (std::env::vars_os().count() as u32).to_le_bytes());
        for (fd, terminal) in
            [io::stdin().is_terminal(), io::stdout().is_terminal(), io::stderr().is_terminal()]
                .into_iter()
                .enumerate()
        {
            let descriptor = ctx.table.get(fd as u32, 0).unwrap();
            assert_eq!(descriptor.filetype == FileType::CharacterDevice, terminal);
            assert!(descriptor.host_fd().is_some());
        }
    }

    #[test]
    fn building_takes_the_description() {
        let mut builder = WasiCtx::builder();
        let directory = tempfile::tempdir().unwrap();
        builder.preopened_dir(directory.path(), "/", DirPerms::ReadWrite).unwrap();
        assert!(builder.build().table.get(3, 0).is_ok());
        assert!(builder.build().table.get(3, 0).is_err());
    }
}
