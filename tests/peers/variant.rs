//! The settings of the mesh that both gateways are started with: the default, and those that change
//! how a request is read before any rule sees it.

use std::path::Path;

use crate::allowed::Difference;
use crate::envoy::Envoy;
use crate::harness::gateway::{self, Gateway};
use crate::harness::ports;
use crate::origins::Origins;
use crate::outcome::Speech;
use crate::table::Group;
use crate::{difference, outcome, text};

/// One setting: the same in Istio's words and in Envoy's.
pub(crate) struct Variant {
    name: &'static str,
    /// MeshConfig, as YAML.
    mesh: &'static str,
    /// Text of `envoy.yaml` and what stands there instead.
    envoy: &'static [(&'static str, &'static str)],
    /// The groups of requests that it changes anything for; none means all.
    groups: &'static [&'static str],
    /// What clients speak.
    speech: Speech,
}

/// The default, from which every setting differs in something.
const DEFAULT: Variant =
    Variant { name: "default", mesh: "", envoy: &[], groups: &[], speech: Speech::Http1 };

const NORMALIZE: &str = concat!(
    "          normalize_path: true\n",
    "          path_with_escaped_slashes_action: KEEP_UNCHANGED\n"
);

/// Every setting that is compared.
pub(crate) const VARIANTS: [Variant; 5] = [
    DEFAULT,
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
];

impl Variant {
    pub(crate) fn concerns(&self, group: &Group) -> bool {
        self.groups.is_empty() || self.groups.iter().any(|name| group.name.starts_with(name))
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
        let origins = Origins::start();
        let (envoy, ours) = self.start(binary, &origins);
        let mut failed = Vec::new();
        for group in groups {
            let before = failed.len();
            let mut count = 0;
            for request in group.requests.iter().filter(|it| self.speech.can_say(it)) {
                count += 1;
                let theirs = outcome::of(request, self.speech, envoy.address, &origins);
                let own = outcome::of(request, self.speech, ours.http(), &origins);
                if theirs == own {
                    continue;
                }
                match differences.iter().position(|it| it.explains(request, &theirs, &own)) {
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
            assert!(envoy.contains(from), "envoy.yaml has no {from:?}");
            envoy = envoy.replace(from, to);
        }
        let world = filled("world.yaml", origins, refused);
        let mesh = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio\n  namespace: \
             istio-system\ndata:\n  mesh: |\n    {}\n",
            self.mesh
        );
        let ours = gateway::files(&[("world.yaml", &world), ("mesh.yaml", &mesh)]);
        (Envoy::start(binary, &envoy), ours.start())
    }
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
