//! The scene of every story: an application's namespace, that of the egress gateway, and the
//! internet behind it. The gateway does not forward packets: who leaves, leaves through Propylon.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::names::{Names, Says};
use crate::namespace::Namespace;
use crate::program::{PROPYLON, Program};

/// The user that the sidecar runs as, whose connections are left alone.
const SIDECAR: u32 = 1337;
/// The user that the application runs as.
const APPLICATION: u32 = 1000;
/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(20);

/// All namespaces and programs.
pub(crate) struct Town {
    // Programs first: they end before their namespaces do.
    pub(crate) sidecar: Program,
    pub(crate) gateway: Program,
    directory: TempDir,
    pub(crate) application: Namespace,
    pub(crate) egress: Namespace,
    pub(crate) internet: Namespace,
    /// What the internet calls addresses; the mesh's own name server knows the same.
    pub(crate) names: [Names; 2],
}

/// What a client saw.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Town {
    /// Builds everything around these objects and captures what the application sends.
    pub(crate) fn build(objects: &str) -> Self {
        Plan::of(objects).build()
    }

    /// Lets a name lead to an address of the internet.
    pub(crate) fn name(&self, name: &str, last: u8) {
        self.says(name, &Says::addresses(&[[203, 0, 113, last].into()]));
    }

    /// Lets all name servers say this about a name.
    pub(crate) fn says(&self, name: &str, says: &Says) {
        for names in &self.names {
            names.set(name, says.clone());
        }
    }

    /// Writes a file of objects, and waits until it is in force on both sides.
    pub(crate) fn change(&self, file: &str, text: &str) {
        Program::reload(&[&self.sidecar, &self.gateway], || {
            write(self.directory.path(), file, text);
        });
    }

    /// What the application gets for a URL.
    pub(crate) fn get(&self, url: &str) -> Seen {
        self.curl(APPLICATION, &[url])
    }

    /// What the application gets with other arguments of curl.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Seen {
        self.curl(APPLICATION, arguments)
    }

    /// What the sidecar's user gets, whose connections nobody captures.
    pub(crate) fn get_uncaptured(&self, url: &str) -> Seen {
        self.curl(SIDECAR, &[url])
    }

    /// A connection of the application, from the address that it has.
    pub(crate) fn connect(&self, to: &str) -> io::Result<TcpStream> {
        let to: SocketAddr = to.parse().expect("an address");
        // Threads of this process run as root, whose connections are captured as well.
        let stream = self.application.inside(|| TcpStream::connect_timeout(&to, PATIENCE))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    fn curl(&self, user: u32, arguments: &[&str]) -> Seen {
        let format = "\n%{http_code}";
        let words = ["curl", "-sk", "--max-time", "10", "--proxy", "", "-w", format];
        let words = [&words[..], arguments].concat();
        let output = self.application.output(Some(user), &words);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, status) = text.rsplit_once('\n').expect("a status");
        Seen { status: status.parse().expect("a number"), body: body.to_owned() }
    }
}

/// A town that is about to be built.
#[derive(Default)]
pub(crate) struct Plan<'p> {
    objects: &'p str,
    sidecar: &'p [&'p str],
    gateway: &'p [&'p str],
    names: Vec<(&'p str, Says)>,
}

impl<'p> Plan<'p> {
    pub(crate) fn of(objects: &'p str) -> Self {
        Self { objects, ..Self::default() }
    }

    /// Gives the sidecar's command line these flags.
    pub(crate) fn sidecar(self, flags: &'p [&'p str]) -> Self {
        Self { sidecar: flags, ..self }
    }

    /// Gives the gateway's command line these flags.
    pub(crate) fn gateway(self, flags: &'p [&'p str]) -> Self {
        Self { gateway: flags, ..self }
    }

    /// Lets all name servers say this about a name before anybody asks.
    pub(crate) fn knowing(mut self, name: &'p str, says: Says) -> Self {
        self.names.push((name, says));
        self
    }

    /// Builds it, and captures what the application sends.
    pub(crate) fn build(self) -> Town {
        let application = Namespace::new("10.90.1.1");
        let egress = Namespace::new("203.0.113.2");
        let internet = Namespace::new("203.0.113.2");
        application.wire("10.90.1.2/24", &egress, "10.90.1.1/24");
        egress.wire("203.0.113.1/24", &internet, "203.0.113.2/24");
        application.run(&["ip", "route", "add", "default", "via", "10.90.1.1"]);
        for (end, own, link) in [(&egress, "1", internet.link()), (&internet, "2", egress.link())] {
            // Nobody else has them: the usual second of asking around is not waited for.
            let address = format!("2001:db8:1::{own}/64");
            end.run(&["ip", "address", "add", &address, "dev", &link, "nodad"]);
        }
        egress.run(&["ip", "-6", "route", "add", "2001:db8::/64", "via", "2001:db8:1::2"]);
        for last in [10, 20, 30] {
            let address = format!("2001:db8::{last}/128");
            internet.run(&["ip", "address", "add", &address, "dev", "lo", "nodad"]);
            let address = format!("203.0.113.{last}/32");
            internet.run(&["ip", "address", "add", &address, "dev", "lo"]);
            let address = format!("203.0.113.{last}");
            egress.run(&["ip", "route", "add", &address, "via", "203.0.113.2"]);
        }
        let names = [Names::serve(&internet, "203.0.113.2"), Names::serve(&egress, "10.90.1.1")];
        for (name, says) in self.names {
            names.iter().for_each(|server| server.set(name, says.clone()));
        }
        let directory = TempDir::new().expect("a directory");
        let readable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(directory.path(), readable).expect("open the directory");
        write(directory.path(), "objects.yaml", self.objects);
        write(directory.path(), "gateway.yaml", GATEWAY);
        let flags = ["--label", "istio=egressgateway", "--namespace", "istio-system"];
        let flags = [&flags, self.gateway].concat();
        let gateway = Program::start(&egress, None, directory.path(), &flags);
        let flags = [&["--role", "sidecar", "--label", "app=client"], self.sidecar].concat();
        let sidecar = Program::start(&application, Some(SIDECAR), directory.path(), &flags);
        application.run(&[PROPYLON, "iptables", "--uid", &SIDECAR.to_string()]);
        Town { sidecar, gateway, directory, application, egress, internet, names }
    }
}

impl Seen {
    #[track_caller]
    pub(crate) fn is(&self, status: u16, body: &str) {
        assert_eq!((self.status, self.body.as_str()), (status, body));
    }
}

fn write(directory: &Path, file: &str, text: &str) {
    let beside = directory.join(format!(".{file}.swap"));
    fs::write(&beside, text).expect("write a file");
    fs::rename(beside, directory.join(file)).expect("rename a file");
}

/// The egress gateway as the mesh sees it.
const GATEWAY: &str = "apiVersion: v1
kind: Service
metadata: {name: istio-egressgateway, namespace: istio-system}
spec:
  clusterIP: 10.96.0.5
  ports:
  - {name: http, port: 80}
  - {name: https, port: 443}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: istio-egressgateway-1
  namespace: istio-system
  labels: {kubernetes.io/service-name: istio-egressgateway}
addressType: IPv4
endpoints: [{addresses: [10.90.1.1]}]
ports: [{name: http, port: 80}, {name: https, port: 443}]
";
