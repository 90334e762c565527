//! The sockets at which the server takes connections.

use std::{
    fs,
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener},
    os::{
        fd::AsFd,
        unix::{
            fs::{FileTypeExt, MetadataExt, PermissionsExt},
            net::UnixListener,
        },
    },
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::{
    fs::{Access, FlockOperation},
    io::Errno,
};
use socket2::{Domain, SockAddr, Socket as RawSocket, Type};
use tokio::net::TcpSocket;

use super::StartError;
use crate::config::{Listen, ListenAddress};

/// Connections that may wait to be accepted, as many as actix lets.
const BACKLOG: i32 = 2048;
/// Who may connect to a unix socket: its owner and its group. Whoever is to be let in belongs to that.
const MODE: u32 = 0o660;
/// How often it is tried to be the only one who makes a socket in a folder, and the pause between two tries.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// A socket that listens.
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Sockets that listen, and the files that go with the server.
pub(super) struct Sockets {
    pub(super) open: Vec<Socket>,
    files: Vec<SocketFile>,
}

impl Sockets {
    /// Those that somebody else keeps, who removes their files, too.
    pub(super) fn inherited(open: Vec<Socket>) -> Self {
        Self { open, files: Vec::new() }
    }

    /// Takes all addresses; who asks for them waits until the server runs.
    pub(super) fn bind(listen: &Listen) -> Result<Self, StartError> {
        let mut sockets = Self { open: Vec::new(), files: Vec::new() };
        for address in listen.iter() {
            let failed = |source| StartError::Listen { address: address.clone(), source };
            match address {
                ListenAddress::Tcp(tcp) => {
                    sockets.open.push(Socket::Tcp(bind_tcp(*tcp).map_err(failed)?));
                }
                ListenAddress::Unix(path) => {
                    let (socket, file) = bind_unix(path).map_err(failed)?;
                    sockets.open.push(Socket::Unix(socket));
                    sockets.files.push(file);
                }
            }
        }
        Ok(sockets)
    }

    /// Where they are, with the ports that the system chose.
    pub(super) fn addresses(&self) -> io::Result<Listen> {
        self.open.iter().map(Socket::address).collect::<io::Result<_>>().map(Listen::new)
    }

    /// The sockets, and what removes their files once it is dropped.
    pub(super) fn into_parts(self) -> (Vec<Socket>, Vec<SocketFile>) {
        (self.open, self.files)
    }
}

impl Socket {
    fn address(&self) -> io::Result<ListenAddress> {
        match self {
            Self::Tcp(socket) => socket.local_addr().map(ListenAddress::Tcp),
            Self::Unix(socket) => {
                let address = socket.local_addr()?;
                // Linux has sockets without a file as well, which systemd can hand over.
                let path = address.as_pathname().unwrap_or(Path::new("(without a path)"));
                Ok(ListenAddress::Unix(path.to_owned()))
            }
        }
    }
}

/// Takes an IP address and a port.
pub(super) fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG.unsigned_abs())?.into_std()
}

/// Makes a unix socket in the place of one that nobody listens at any more.
fn bind_unix(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let folder = fs::File::open(folder_of(path))?;
    // Two servers that start together must not take each other's new socket for one that was left behind.
    lock(&folder)?;
    if matches!(look_at(path)?, Place::LeftBehind) {
        fs::remove_file(path)?;
    }
    let socket = RawSocket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile::of(path)?;
    // Nobody can connect before it listens, whatever the mode was until then.
    fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok((socket.into(), file))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn lock(folder: &impl AsFd) -> io::Result<()> {
    for _ in 0..TRIES {
        match rustix::fs::flock(folder, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => thread::sleep(PAUSE),
            locked => return locked.map_err(io::Error::from),
        }
    }
    Err(io::Error::other("another process keeps a lock on its folder"))
}

/// What there is at the path of a socket that is to be made.
enum Place {
    Nothing,
    /// A socket that nobody listens at.
    LeftBehind,
}

/// # Errors
/// When somebody listens there, or something stands there that is not ours to remove.
fn look_at(path: &Path) -> io::Result<Place> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Place::Nothing),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "there is a file that is no socket"));
        }
        Ok(_) => {}
    }
    let socket = RawSocket::new(Domain::UNIX, Type::STREAM, None)?;
    // Where many wait to be accepted, this one would wait, too.
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?).map_err(|error| (error.kind(), error)) {
        Ok(()) | Err((ErrorKind::WouldBlock, _)) => {
            Err(io::Error::new(ErrorKind::AddrInUse, "another process listens there"))
        }
        Err((ErrorKind::ConnectionRefused, _)) => Ok(Place::LeftBehind),
        Err((_, error)) => Err(error),
    }
}

/// Whether a start could take the address, without a trace of having tried.
pub(super) fn try_address(address: &ListenAddress) -> Result<(), StartError> {
    let tried = match address {
        ListenAddress::Tcp(tcp) => bind_tcp(*tcp).map(drop),
        ListenAddress::Unix(path) => look_at(path).and_then(|_| {
            rustix::fs::access(folder_of(path), Access::WRITE_OK | Access::EXEC_OK).map_err(io::Error::from)
        }),
    };
    tried.map_err(|source| StartError::Listen { address: address.clone(), source })
}

/// The file of a socket that this process made. It is removed when this is dropped, unless another server has put its
/// own there.
pub(super) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }
}

/// What tells a file from another one of its name.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|there| there == self.identity) {
            // One that stays is found to be left behind.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn listen(path: &Path) -> Result<Sockets, String> {
        let listen = Listen::new(vec![ListenAddress::Unix(path.to_owned())]);
        Sockets::bind(&listen).map_err(|error| error.to_string())
    }

    #[test]
    fn a_socket_is_for_its_group_and_goes_with_whoever_made_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tessera.sock");
        let sockets = listen(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        UnixStream::connect(&path).unwrap();
        drop(sockets);
        assert!(!path.exists());
    }

    #[test]
    fn a_socket_of_a_server_that_died_is_replaced_and_that_of_a_living_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tessera.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(UnixStream::connect(&path).is_err() && path.exists(), "it was left behind");
        let _living = listen(&path).unwrap();
        UnixStream::connect(&path).unwrap();
        let refused = listen(&path).err().unwrap();
        let shown = path.display();
        assert_eq!(refused, format!("cannot listen on unix:{shown}: another process listens there"));
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        fs::write(&path, "mine").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for path in [&path, &link] {
            assert!(listen(path).err().unwrap().ends_with(": there is a file that is no socket"));
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }

    #[test]
    fn the_socket_of_a_successor_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tessera.sock");
        let first = listen(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let _second = listen(&path).unwrap();
        drop(first);
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn trying_an_address_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tessera.sock");
        let address = ListenAddress::Unix(path.clone());
        try_address(&address).unwrap();
        assert!(!path.exists());
        drop(UnixListener::bind(&path).unwrap());
        try_address(&address).unwrap();
        assert!(path.exists(), "even one that was left behind");
        let nowhere = ListenAddress::Unix(folder.path().join("none/tessera.sock"));
        assert!(try_address(&nowhere).is_err());
    }
}
