//! The error numbers of WASI preview 1, and which host error becomes which; knows no function that fails.

use std::io;

use rustix::io::Errno as Host;

/// One row per error that a host can report: name, number in the specification, host's constant, meaning.
macro_rules! errnos {
    ($($name:ident = $number:literal, $host:ident, $meaning:literal;)*) => {
        /// An error number of WASI; the discriminants are the specification's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Errno {
            /// The call succeeded.
            Success = 0,
            $(#[doc = $meaning] $name = $number,)*
            /// The descriptor lacks a right that the call needs.
            Notcapable = 76,
        }

        impl From<Host> for Errno {
            fn from(error: Host) -> Errno {
                match error {
                    $(Host::$host => Errno::$name,)*
                    _ => Errno::Io,
                }
            }
        }

        impl std::fmt::Display for Errno {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    Errno::Success => "success",
                    $(Errno::$name => $meaning,)*
                    Errno::Notcapable => "the descriptor lacks a right",
                })
            }
        }
    };
}

errnos! {
    TooBig = 1, TOOBIG, "Argument list too long";
    Acces = 2, ACCESS, "Permission denied";
    Addrinuse = 3, ADDRINUSE, "Address in use";
    Addrnotavail = 4, ADDRNOTAVAIL, "Address not available";
    Afnosupport = 5, AFNOSUPPORT, "Address family not supported";
    Again = 6, AGAIN, "The operation would block";
    Already = 7, ALREADY, "Already in progress";
    Badf = 8, BADF, "Not an open descriptor, or not one for this operation";
    Badmsg = 9, BADMSG, "Bad message";
    Busy = 10, BUSY, "Resource busy";
    Canceled = 11, CANCELED, "Canceled";
    Child = 12, CHILD, "No child processes";
    Connaborted = 13, CONNABORTED, "Connection aborted";
    Connrefused = 14, CONNREFUSED, "Connection refused";
    Connreset = 15, CONNRESET, "Connection reset";
    Deadlk = 16, DEADLK, "Deadlock would occur";
    Destaddrreq = 17, DESTADDRREQ, "Destination address required";
    Dom = 18, DOM, "Argument out of domain";
    Dquot = 19, DQUOT, "Quota exceeded";
    Exist = 20, EXIST, "File exists";
    Fault = 21, FAULT, "An address outside the guest memory";
    Fbig = 22, FBIG, "File too large";
    Hostunreach = 23, HOSTUNREACH, "Host unreachable";
    Idrm = 24, IDRM, "Identifier removed";
    Ilseq = 25, ILSEQ, "Not UTF-8";
    Inprogress = 26, INPROGRESS, "In progress";
    Intr = 27, INTR, "Interrupted";
    Inval = 28, INVAL, "Invalid argument";
    Io = 29, IO, "Input/output error";
    Isconn = 30, ISCONN, "Already connected";
    Isdir = 31, ISDIR, "Is a directory";
    Loop = 32, LOOP, "Too many symbolic links, or one that must not be followed";
    Mfile = 33, MFILE, "Too many open descriptors";
    Mlink = 34, MLINK, "Too many links";
    Msgsize = 35, MSGSIZE, "Message too large";
    Multihop = 36, MULTIHOP, "Multihop attempted";
    Nametoolong = 37, NAMETOOLONG, "Name too long";
    Netdown = 38, NETDOWN, "Network down";
    Netreset = 39, NETRESET, "Connection aborted by the network";
    Netunreach = 40, NETUNREACH, "Network unreachable";
    Nfile = 41, NFILE, "Too many open files in the system";
    Nobufs = 42, NOBUFS, "No buffer space";
    Nodev = 43, NODEV, "No such device";
    Noent = 44, NOENT, "No such file or directory";
    Noexec = 45, NOEXEC, "Not executable";
    Nolck = 46, NOLCK, "No locks available";
    Nolink = 47, NOLINK, "Link severed";
    Nomem = 48, NOMEM, "Not enough memory";
    Nomsg = 49, NOMSG, "No message of the desired type";
    Noprotoopt = 50, NOPROTOOPT, "Protocol option not available";
    Nospc = 51, NOSPC, "No space left";
    Nosys = 52, NOSYS, "Not implemented";
    Notconn = 53, NOTCONN, "Not connected";
    Notdir = 54, NOTDIR, "Not a directory";
    Notempty = 55, NOTEMPTY, "Directory not empty";
    Notrecoverable = 56, NOTRECOVERABLE, "State not recoverable";
    Notsock = 57, NOTSOCK, "Not a socket";
    Notsup = 58, NOTSUP, "Not supported";
    Notty = 59, NOTTY, "Not a terminal";
    Nxio = 60, NXIO, "No such device or address";
    Overflow = 61, OVERFLOW, "Value too large for its type";
    Ownerdead = 62, OWNERDEAD, "Previous owner died";
    Perm = 63, PERM, "Not permitted; also: a path that leads outside of the sandbox";
    Pipe = 64, PIPE, "Broken pipe";
    Proto = 65, PROTO, "Protocol error";
    Protonosupport = 66, PROTONOSUPPORT, "Protocol not supported";
    Prototype = 67, PROTOTYPE, "Wrong protocol type";
    Range = 68, RANGE, "Result too large";
    Rofs = 69, ROFS, "Read-only file system";
    Spipe = 70, SPIPE, "Not seekable";
    Srch = 71, SRCH, "No such process";
    Stale = 72, STALE, "Stale file handle";
    Timedout = 73, TIMEDOUT, "Timed out";
    Txtbsy = 74, TXTBSY, "Text file busy";
    Xdev = 75, XDEV, "Cross-device link";
}

impl std::error::Error for Errno {}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Errno {
        if let Some(host) = Host::from_io_error(&error) {
            return host.into();
        }
        // Errors without a number are made by libraries; cap-std says `PermissionDenied` when a path leads out.
        match error.kind() {
            io::ErrorKind::NotFound => Errno::Noent,
            io::ErrorKind::PermissionDenied => Errno::Perm,
            io::ErrorKind::AlreadyExists => Errno::Exist,
            io::ErrorKind::InvalidInput => Errno::Inval,
            io::ErrorKind::Unsupported => Errno::Notsup,
            io::ErrorKind::UnexpectedEof | io::ErrorKind::WriteZero => Errno::Io,
            io::ErrorKind::Interrupted => Errno::Intr,
            io::ErrorKind::WouldBlock => Errno::Again,
            io::ErrorKind::OutOfMemory => Errno::Nomem,
            _ => Errno::Io,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_specification() {
        let known = [
            (Errno::Success, 0),
            (Errno::TooBig, 1),
            (Errno::Badf, 8),
            (Errno::Exist, 20),
            (Errno::Fault, 21),
            (Errno::Ilseq, 25),
            (Errno::Inval, 28),
            (Errno::Isdir, 31),
            (Errno::Noent, 44),
            (Errno::Notdir, 54),
            (Errno::Notempty, 55),
            (Errno::Notsock, 57),
            (Errno::Perm, 63),
            (Errno::Spipe, 70),
            (Errno::Xdev, 75),
            (Errno::Notcapable, 76),
        ];
        for (errno, number) in known {
            assert_eq!(errno as u16, number, "{errno:?}");
        }
    }

    #[test]
    fn host_errors_keep_their_meaning() {
        assert_eq!(Errno::from(io::Error::from(Host::NOENT)), Errno::Noent);
        assert_eq!(Errno::from(io::Error::from(Host::TOOBIG)), Errno::TooBig);
        let made_by_a_library = io::Error::new(io::ErrorKind::PermissionDenied, "leads out");
        assert_eq!(Errno::from(made_by_a_library), Errno::Perm);
        assert_eq!(Errno::from(io::Error::other("?")), Errno::Io);
    }
}
