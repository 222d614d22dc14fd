//! The settings of the mesh that both gateways are started with: the default, and those that change
//! how a request is read before any rule sees it.

use std::path::Path;

use crate::allowed::Difference;
use crate::envoy::Envoy;
use crate::harness::gateway::{self, Gateway};
use crate::harness::ports;
use crate::origins::{self, Origins};
use crate::outcome::Speech;
use crate::table::{Group, Request};
use crate::{difference, outcome, text};

/// One setting: the same in Istio's words and in Envoy's.
pub(crate) struct Variant {
    name: &'static str,
    /// MeshConfig, as YAML.
    mesh: &'static str,
    /// Text of `envoy.yaml` and what stands there instead.
    envoy: &'static [(&'static str, &'static str)],
    /// Text of `world.yaml` and what stands there instead.
    world: &'static [(&'static str, &'static str)],
    /// The groups of requests that it changes anything for; none means all but those that are
    /// another setting's.
    groups: &'static [&'static str],
    /// What clients speak.
    speech: Speech,
    /// What the recording origin speaks.
    upstream: Speech,
}

/// The default, from which every setting differs in something.
const DEFAULT: Variant = Variant {
    name: "default",
    mesh: "",
    envoy: &[],
    world: &[],
    groups: &[],
    speech: Speech::Http1,
    upstream: Speech::Http1,
};

const NORMALIZE: &str = concat!(
    "          normalize_path: true\n",
    "          path_with_escaped_slashes_action: KEEP_UNCHANGED\n"
);

/// Every setting that is compared.
pub(crate) const VARIANTS: [Variant; 10] = [
    DEFAULT,
    Variant { name: "HTTP/2", speech: Speech::Http2, ..DEFAULT },
    Variant { name: "HTTP/2 upstream", upstream: Speech::Http2, ..DEFAULT },
    Variant {
        name: "HTTP/2 on both sides",
        speech: Speech::Http2,
        upstream: Speech::Http2,
        ..DEFAULT
    },
    Variant {
        name: "path normalisation NONE",
        mesh: "pathNormalization: {normalization: NONE}",
        envoy: &[(NORMALIZE, "          normalize_path: false\n")],
        groups: &["path_normalisation"],
        ..DEFAULT
    },
    Variant {
        name: "path normalisation MERGE_SLASHES",
        mesh: "pathNormalization: {normalization: MERGE_SLASHES}",
        envoy: &[(
            NORMALIZE,
            "          normalize_path: true\n          merge_slashes: true\n          \
             path_with_escaped_slashes_action: KEEP_UNCHANGED\n",
        )],
        groups: &["path_normalisation"],
        ..DEFAULT
    },
    Variant {
        name: "path normalisation DECODE_AND_MERGE_SLASHES",
        mesh: "pathNormalization: {normalization: DECODE_AND_MERGE_SLASHES}",
        envoy: &[(
            NORMALIZE,
            "          normalize_path: true\n          merge_slashes: true\n          \
             path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD\n",
        )],
        groups: &["path_normalisation"],
        ..DEFAULT
    },
    Variant {
        name: "one trusted proxy",
        mesh: "defaultConfig: {gatewayTopology: {numTrustedProxies: 1}}",
        envoy: &[(
            "          use_remote_address: true\n",
            "          use_remote_address: true\n          xff_num_trusted_hops: 1\n",
        )],
        groups: &["header_operations_and_the_header_contract", "redirects", "matches_"],
        ..DEFAULT
    },
    GRPC_WEB,
    Variant { name: "gRPC-Web over HTTP/2", speech: Speech::Http2, ..GRPC_WEB },
];

/// Browsers speak HTTP/1 or HTTP/2, upstreams of gRPC the latter.
const GRPC_WEB: Variant = Variant {
    name: "gRPC-Web",
    envoy: &[(STATISTICS, TRANSLATION), ("@TRANSLATED@", STATISTICS)],
    world: &[(
        "protocol: HTTP\n    hosts:\n    - \"*.test\"",
        "protocol: GRPC-WEB\n    hosts:\n    - \"*.test\"",
    )],
    groups: &["gRPC-Web"],
    upstream: Speech::Http2,
    ..DEFAULT
};

const STATISTICS: &str = "          - name: envoy.filters.http.grpc_stats\n";

const TRANSLATION: &str = concat!(
    "          - name: envoy.filters.http.grpc_web\n",
    "            typed_config:\n",
    "              \"@type\": type.googleapis.com/",
    "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb\n",
    "@TRANSLATED@"
);

impl Variant {
    pub(crate) fn concerns(&self, group: &Group) -> bool {
        match self.groups {
            [] => !GRPC_WEB.concerns(group),
            names => names.iter().any(|name| group.name.starts_with(name)),
        }
    }

    /// Whether the request and its answer can be said in what both sides speak.
    fn can_say(&self, request: &Request) -> bool {
        self.speech.can_say(request)
            && (self.upstream == Speech::Http1 || origins::is_sayable(&request.line))
    }

    /// Sends every request of these groups to both gateways; says each difference that is not
    /// allowed, by group, and marks the allowed ones that showed.
    pub(crate) fn compare<'g>(
        &self,
        groups: impl Iterator<Item = &'g Group>,
        binary: &Path,
        differences: &[Difference],
        seen: &mut [bool],
    ) -> Vec<(String, String)> {
        let mut groups = groups.peekable();
        if groups.peek().is_none() {
            return Vec::new();
        }
        let origins = Origins::start(self.upstream);
        let (envoy, ours) = self.start(binary, &origins);
        let mut failed = Vec::new();
        for group in groups {
            let before = failed.len();
            let mut count = 0;
            for request in group.requests.iter().filter(|it| self.can_say(it)) {
                count += 1;
                let theirs = outcome::of(request, self.speech, envoy.address, &origins);
                let own = outcome::of(request, self.speech, ours.http(), &origins);
                if theirs == own {
                    continue;
                }
                match differences
                    .iter()
                    .position(|it| it.explains(request, self.speech, &theirs, &own))
                {
                    Some(at) => seen[at] = true,
                    None => {
                        let problem = difference(request, &theirs, &own);
                        let name = format!("{} ({})", group.name, self.name);
                        failed.push((name, problem));
                    }
                }
            }
            let verdict = if failed.len() == before { "ok" } else { "FAILED" };
            println!("test {} ({count} requests, {}) ... {verdict}", group.name, self.name);
        }
        failed
    }

    fn start(&self, binary: &Path, origins: &Origins) -> (Envoy, Gateway) {
        let refused = ports::free();
        let mut envoy = filled("envoy.yaml", origins, refused);
        for (from, to) in self.envoy {
            envoy = replaced(&envoy, from, to);
        }
        let mut world = filled("world.yaml", origins, refused);
        if self.upstream == Speech::Http2 {
            envoy = replaced(&envoy, CLUSTER, &format!("{CLUSTER}{HTTP2}"));
            world = replaced(&world, PORT, &format!("{PORT}    appProtocol: http2\n"));
        }
        for (from, to) in self.world {
            world = replaced(&world, from, to);
        }
        let mesh = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio\n  namespace: \
             istio-system\ndata:\n  mesh: |\n    {}\n",
            self.mesh
        );
        let ours = gateway::files(&[("world.yaml", &world), ("mesh.yaml", &mesh)]);
        (Envoy::start(binary, &envoy), ours.start())
    }
}

/// The recording origin's port in `world.yaml`.
const PORT: &str = "  name: origin\nspec:\n  ports:\n  - name: http\n";

/// The recording origin in `envoy.yaml`.
const CLUSTER: &str =
    "  - name: \"outbound|80||origin.default.svc.cluster.local\"\n    type: STATIC\n";

/// What istiod adds to a cluster whose port is named for HTTP/2.
const HTTP2: &str = concat!(
    "    typed_extension_protocol_options:\n",
    "      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n",
    "        \"@type\": type.googleapis.com/",
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n",
    "        explicit_http_config: {http2_protocol_options: {}}\n"
);

fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "no {from:?} in\n{text}");
    text.replace(from, to)
}

/// A configuration with the origins' ports in it.
fn filled(name: &str, origins: &Origins, refused: u16) -> String {
    text(name)
        .replace("@ORIGIN@", &origins.origin.port().to_string())
        .replace("@COPY@", &origins.copy.port().to_string())
        .replace("@CLOSES@", &origins.closes.port().to_string())
        .replace("@GARBAGE@", &origins.garbage.port().to_string())
        .replace("@SILENT@", &origins.silent.port().to_string())
        .replace("@REFUSED@", &refused.to_string())
}
