//! `sock_*`: connections on sockets that the embedder opened; opens none itself.

use std::os::fd::OwnedFd;

use rustix::net::{
    RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendFlags, Shutdown, SocketFlags,
};

use super::ctx::WasiCtx;
use super::errno::Errno;
use super::host::retry;
use super::table::{Descriptor, Kind, Rights};
use super::types::{fdflags, known_flags, rights};
use super::{guest, host};

/// `riflags`: leave the bytes where they are.
const RECV_PEEK: u16 = 1 << 0;
/// `riflags`: wait until the buffers are full.
const RECV_WAITALL: u16 = 1 << 1;
/// `roflags`: a message was longer than the buffers.
const RECV_DATA_TRUNCATED: u16 = 1 << 0;

impl WasiCtx {
    /// Accepts a connection.
    pub fn sock_accept(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        flags: u32,
        accepted: u32,
    ) -> Result<(), Errno> {
        guest::check(memory, accepted, 4)?;
        let flags = known_flags(flags, fdflags::NONBLOCK)?;
        let listener = self.table.get(fd, rights::SOCK_ACCEPT)?;
        let socket = match &listener.kind {
            Kind::Listener(socket) => socket,
            Kind::Stream(_) => return Err(Errno::Inval),
            _ => return Err(Errno::Notsock),
        };
        let mut host_flags = SocketFlags::CLOEXEC;
        if flags & fdflags::NONBLOCK != 0 {
            host_flags |= SocketFlags::NONBLOCK;
        }
        let connection = retry(|| rustix::net::accept_with(socket, host_flags))?;
        let filetype = host::filetype(&connection)?;
        let stream_rights = Rights { base: rights::STREAM, inheriting: 0 };
        let handed_down = Rights { base: listener.dropped.inheriting, inheriting: 0 };
        let mut descriptor = Descriptor::new(Kind::Stream(connection), filetype, stream_rights);
        descriptor.flags = flags;
        descriptor.drop_rights(handed_down);
        let fd = self.table.insert(descriptor)?;
        guest::store_u32(memory, accepted, fd)
    }

    /// Receives from a connection.
    #[expect(clippy::too_many_arguments, reason = "the interface has them")]
    pub fn sock_recv(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        iovs: u32,
        iovs_len: u32,
        flags: u32,
        received: u32,
        out_flags: u32,
    ) -> Result<(), Errno> {
        guest::check(memory, received, 4)?;
        guest::check(memory, out_flags, 2)?;
        let flags = known_flags(flags, RECV_PEEK | RECV_WAITALL)?;
        let mut host_flags = RecvFlags::empty();
        host_flags.set(RecvFlags::PEEK, flags & RECV_PEEK != 0);
        host_flags.set(RecvFlags::WAITALL, flags & RECV_WAITALL != 0);
        let socket = self.stream(fd, rights::FD_READ)?;
        let message = guest::scatter(memory, iovs, iovs_len, |buffers| {
            let mut control = RecvAncillaryBuffer::default();
            retry(|| rustix::net::recvmsg(socket, buffers, &mut control, host_flags))
                .map(|message| (message.bytes, message.flags))
        });
        let (bytes, host_flags) = message?;
        let truncated = if host_flags.contains(ReturnFlags::TRUNC) { RECV_DATA_TRUNCATED } else { 0 };
        guest::store_u32(memory, received, bytes as u32)?;
        guest::store(memory, out_flags, truncated.to_le_bytes())
    }

    /// Sends on a connection.
    pub fn sock_send(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        iovs: u32,
        iovs_len: u32,
        flags: u32,
        sent: u32,
    ) -> Result<(), Errno> {
        guest::check(memory, sent, 4)?;
        known_flags(flags, 0)?;
        let socket = self.stream(fd, rights::FD_WRITE)?;
        let bytes = guest::gather(memory, iovs, iovs_len, |buffers| {
            let mut control = SendAncillaryBuffer::default();
            retry(|| rustix::net::sendmsg(socket, buffers, &mut control, SendFlags::NOSIGNAL))
        })?;
        guest::store_u32(memory, sent, bytes as u32)
    }

    /// Ends one or both directions of a connection.
    pub fn sock_shutdown(&mut self, _memory: &mut [u8], fd: u32, how: u32) -> Result<(), Errno> {
        let socket = self.stream(fd, rights::SOCK_SHUTDOWN)?;
        let how = match how {
            1 => Shutdown::Read,
            2 => Shutdown::Write,
            3 => Shutdown::Both,
            _ => return Err(Errno::Inval),
        };
        Ok(rustix::net::shutdown(socket, how)?)
    }

    /// A connected socket.
    fn stream(&self, fd: u32, needed: u64) -> Result<&OwnedFd, Errno> {
        match &self.table.get(fd, needed)?.kind {
            Kind::Stream(socket) => Ok(socket),
            Kind::Listener(_) => Err(Errno::Notconn),
            _ => Err(Errno::Notsock),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasi::testing::{DATA, Guest, OUT, ROOT};
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    const LISTENER: u32 = 3;

    /// A guest with a listener, and a client that connected to it.
    fn guest_and_client() -> (Guest, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut guest = Guest::new();
        guest.ctx = WasiCtx::builder().preopened_listener(listener).build();
        (guest, client)
    }

    fn accept(guest: &mut Guest, flags: u16) -> Result<u32, Errno> {
        guest.ctx.sock_accept(&mut guest.memory, LISTENER, u32::from(flags), OUT)?;
        Ok(guest.u32(OUT))
    }

    fn recv(guest: &mut Guest, fd: u32, len: u32, flags: u16) -> Result<Vec<u8>, Errno> {
        let (iovs, count) = guest.iovec(len);
        let flags = u32::from(flags);
        guest.ctx.sock_recv(&mut guest.memory, fd, iovs, count, flags, OUT, OUT + 4)?;
        Ok(guest::bytes(&guest.memory, DATA, guest.u32(OUT))?.to_vec())
    }

    fn send(guest: &mut Guest, fd: u32, bytes: &[u8]) -> Result<u32, Errno> {
        guest.memory[DATA as usize..][..bytes.len()].copy_from_slice(bytes);
        let (iovs, count) = guest.iovec(bytes.len() as u32);
        guest.ctx.sock_send(&mut guest.memory, fd, iovs, count, 0, OUT)?;
        Ok(guest.u32(OUT))
    }

    #[test]
    fn a_connection_carries_bytes_both_ways() {
        let (mut guest, mut client) = guest_and_client();
        let fd = accept(&mut guest, 0).unwrap();
        client.write_all(b"hello").unwrap();
        assert_eq!(recv(&mut guest, fd, 5, RECV_PEEK | RECV_WAITALL).unwrap(), b"hello");
        assert_eq!(recv(&mut guest, fd, 2, 0).unwrap(), b"he");
        assert_eq!(guest.read(fd, 9).unwrap(), b"llo");
        assert_eq!(send(&mut guest, fd, b"good "), Ok(5));
        assert_eq!(guest.write(fd, b"bye"), Ok(3));
        guest.ctx.sock_shutdown(&mut [], fd, 2).unwrap();
        let mut received = String::new();
        client.read_to_string(&mut received).unwrap();
        assert_eq!(received, "good bye");
        drop(client);
        assert_eq!(recv(&mut guest, fd, 9, 0).unwrap(), b"");
        assert_eq!(send(&mut guest, fd, b"x"), Err(Errno::Pipe));
        guest.ctx.fd_fdstat_get(&mut guest.memory, fd, OUT).unwrap();
        assert_eq!(guest.memory[OUT as usize], 6);
    }

    #[test]
    fn a_socket_need_not_wait() {
        let (mut guest, _client) = guest_and_client();
        let fd = accept(&mut guest, fdflags::NONBLOCK).unwrap();
        assert_eq!(recv(&mut guest, fd, 1, 0), Err(Errno::Again));
        guest.ctx.fd_fdstat_set_flags(&mut [], LISTENER, u32::from(fdflags::NONBLOCK)).unwrap();
        assert_eq!(accept(&mut guest, 0), Err(Errno::Again));
    }

    #[test]
    fn what_is_no_socket_or_not_connected_is_refused() {
        let (mut guest, _client) = guest_and_client();
        assert_eq!(recv(&mut guest, LISTENER, 1, 0), Err(Errno::Notconn));
        assert_eq!(send(&mut guest, LISTENER, b"x"), Err(Errno::Notconn));
        assert_eq!(guest.ctx.sock_shutdown(&mut [], LISTENER, 3), Err(Errno::Notconn));
        let fd = accept(&mut guest, 0).unwrap();
        assert_eq!(guest.ctx.sock_shutdown(&mut [], fd, 0), Err(Errno::Inval));
        assert_eq!(recv(&mut guest, fd, 1, 4), Err(Errno::Inval));
        let Guest { ctx, memory, .. } = &mut guest;
        assert_eq!(ctx.sock_accept(memory, fd, 0, OUT), Err(Errno::Inval));
        assert_eq!(ctx.sock_accept(memory, LISTENER, 1, OUT), Err(Errno::Inval));
        assert_eq!(ctx.sock_accept(memory, LISTENER, 0, u32::MAX), Err(Errno::Fault));
        assert_eq!(ctx.sock_send(memory, fd, 0, 0, 1, OUT), Err(Errno::Inval));

        let mut guest = Guest::new();
        for (fd, errno) in [(0, Errno::Notsock), (ROOT, Errno::Notsock), (99, Errno::Badf)] {
            assert_eq!(recv(&mut guest, fd, 1, 0), Err(errno));
            assert_eq!(send(&mut guest, fd, b"x"), Err(errno));
            assert_eq!(guest.ctx.sock_shutdown(&mut [], fd, 3), Err(errno));
            assert_eq!(guest.ctx.sock_accept(&mut guest.memory, fd, 0, OUT), Err(errno));
        }
    }
}
