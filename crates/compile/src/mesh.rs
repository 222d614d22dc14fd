//! Mesh-wide settings and their defaults, as far as a gateway acts on them.
//! Reads MeshConfig and ProxyConfig; says nothing about keys without effect (that is `effect`).

use std::time::Duration;

use propylon_model::destination_rule::{
    ConnectionPool, LocalityLb, OutlierDetection, TcpKeepalive, ZoneAwareLb,
};
use propylon_model::mesh_config::{
    MeshH2UpgradePolicy, MeshOutboundMode, NormalizationType, TlsDefaults,
};
use propylon_model::proxy_defaults::{ForwardClientCert, ProxyConfigDefaults};
use propylon_model::virtual_service::HttpRetry;
use propylon_model::{MeshConfig, World};
use propylon_snapshot::{ClientCertificate, HttpSettings, PathNormalization, ServerHeader};

use crate::selection::{in_order, selects};
use crate::{Options, Role};

/// Istio's `connectTimeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Where Istio looks for mesh-wide objects.
const ROOT_NAMESPACE: &str = "istio-system";
/// The `server` header of what a sidecar answers to its workload.
const SIDECAR: &str = "envoy";
/// The environment of a proxy that makes it answer HTTP/1.0.
pub(crate) const HTTP10: &str = "ISTIO_META_HTTP10";

/// MeshConfig with Istio's defaults.
#[derive(Clone, Copy)]
pub(crate) struct Mesh<'w> {
    config: Option<&'w MeshConfig>,
}

impl<'w> Mesh<'w> {
    /// The settings of a world.
    pub(crate) fn of(world: &'w World) -> Self {
        Self { config: world.mesh.as_ref() }
    }

    /// How long a TCP connect may take where no DestinationRule says.
    pub(crate) fn connect_timeout(self) -> Duration {
        let written = self.config.and_then(|mesh| mesh.connect_timeout);
        written.filter(|limit| !limit.is_zero()).unwrap_or(CONNECT_TIMEOUT)
    }

    /// Connection settings of destinations whose DestinationRule has none.
    pub(crate) fn connection_pool(self) -> Option<&'w ConnectionPool> {
        self.config?.default_traffic_policy.as_ref()?.connection_pool.as_ref()
    }

    /// Outlier detection of destinations whose DestinationRule has none.
    pub(crate) fn outlier(self) -> Option<&'w OutlierDetection> {
        self.config?.default_traffic_policy.as_ref()?.outlier_detection.as_ref()
    }

    /// Preference for near endpoints where no DestinationRule says.
    pub(crate) fn localities(self) -> Option<&'w LocalityLb> {
        self.config?.locality_lb_setting.as_ref()
    }

    /// Preference for the same region where no DestinationRule says; it counts before the other.
    pub(crate) fn zone_aware(self) -> Option<&'w ZoneAwareLb> {
        self.config?.zone_aware_lb_setting.as_ref()
    }

    /// Keep-alive of connections to endpoints, under what DestinationRules say.
    pub(crate) fn tcp_keepalive(self) -> Option<&'w TcpKeepalive> {
        self.config?.tcp_keepalive.as_ref()
    }

    /// Retries of routes that do not name any; `None`: Istio's default.
    pub(crate) fn retry(self) -> Option<&'w HttpRetry> {
        self.config?.default_http_retry_policy.as_ref()
    }

    /// Whether HTTP/1.1 services are asked over HTTP/2.
    pub(crate) fn upgrades_to_http2(self) -> bool {
        self.config.is_some_and(|mesh| mesh.h2_upgrade_policy == MeshH2UpgradePolicy::Upgrade)
    }

    /// What sidecars do with traffic that nobody defined.
    pub(crate) fn outbound_mode(self) -> MeshOutboundMode {
        let policy = self.config.and_then(|mesh| mesh.outbound_traffic_policy.as_ref());
        policy.map_or(MeshOutboundMode::AllowAny, |policy| policy.mode)
    }

    /// The namespace whose policies hold everywhere.
    pub(crate) fn root_namespace(self) -> &'w str {
        let named = self.config.and_then(|mesh| mesh.root_namespace.as_deref());
        named.filter(|name| !name.is_empty()).unwrap_or(ROOT_NAMESPACE)
    }

    /// `exportTo` of services that have none.
    pub(crate) fn service_export_to(self) -> &'w [String] {
        self.config.and_then(|mesh| mesh.default_service_export_to.as_deref()).unwrap_or(&[])
    }

    /// `exportTo` of VirtualServices that have none.
    pub(crate) fn virtual_service_export_to(self) -> &'w [String] {
        self.config
            .and_then(|mesh| mesh.default_virtual_service_export_to.as_deref())
            .unwrap_or(&[])
    }

    /// `exportTo` of DestinationRules that have none.
    pub(crate) fn destination_rule_export_to(self) -> &'w [String] {
        self.config
            .and_then(|mesh| mesh.default_destination_rule_export_to.as_deref())
            .unwrap_or(&[])
    }

    /// Endpoints that speak mutual TLS are spoken to so, where nothing else is said; the default.
    pub(crate) fn auto_mtls(self) -> bool {
        self.config.and_then(|mesh| mesh.enable_auto_mtls) != Some(false)
    }

    /// The trust domain of the mesh's identities.
    pub(crate) fn trust_domain(self) -> &'w str {
        self.config
            .and_then(|mesh| mesh.trust_domain.as_deref())
            .filter(|domain| !domain.is_empty())
            .unwrap_or("cluster.local")
    }

    /// TLS settings of all other servers that say nothing else.
    pub(crate) fn tls_defaults(self) -> Option<&'w TlsDefaults> {
        self.config?.tls_defaults.as_ref()
    }

    /// Settings of the mesh's own mutual TLS.
    pub(crate) fn mutual_tls(self) -> Option<&'w TlsDefaults> {
        self.config?.mesh_mtls.as_ref()
    }

    fn proxy(self) -> Option<&'w ProxyConfigDefaults> {
        self.config?.default_config.as_ref()
    }

    /// Whether connections over TCP begin with a PROXY protocol header.
    pub(crate) fn proxy_protocol(self) -> bool {
        let topology = self.proxy().and_then(|proxy| proxy.gateway_topology.as_ref());
        topology.is_some_and(|topology| topology.proxy_protocol.is_some())
    }

    /// `dnsRefreshRate`: the longest wait between look-ups that fail.
    pub(crate) fn dns_refresh(self) -> Option<Duration> {
        self.config.and_then(|config| config.dns_refresh_rate).filter(|rate| !rate.is_zero())
    }

    /// The settings of all HTTP listeners.
    pub(crate) fn http_settings(self, world: &World, options: &Options) -> HttpSettings {
        let normalization = self
            .config
            .and_then(|mesh| mesh.path_normalization.as_ref())
            .map_or(NormalizationType::Default, |path| path.normalization);
        let proxy = self.proxy();
        let headers = proxy.and_then(|proxy| proxy.proxy_headers.as_ref());
        let disabled = |field: Option<bool>| field.unwrap_or(false);
        HttpSettings {
            path_normalization: path_normalization(normalization),
            trusted_proxies: proxy
                .and_then(|proxy| proxy.gateway_topology.as_ref())
                .map_or(0, |topology| topology.num_trusted_proxies),
            client_certificate: match options.role {
                Role::Gateway => client_certificate(
                    proxy
                        .and_then(|proxy| proxy.gateway_topology.as_ref())
                        .map_or(ForwardClientCert::Undefined, |one| {
                            one.forward_client_cert_details
                        }),
                ),
                // Envoy's default, which Istio leaves on a sidecar's way out.
                Role::Sidecar(_) => ClientCertificate::Sanitize,
            },
            server: match headers.and_then(|headers| headers.server.as_ref()) {
                Some(server) if disabled(server.disabled) => ServerHeader::PassThrough,
                Some(server) if !server.value.is_empty() => {
                    ServerHeader::Set(server.value.as_str().into())
                }
                // A sidecar says Envoy's own name to its workload (Istio).
                _ if matches!(options.role, Role::Sidecar(_)) => ServerHeader::Set(SIDECAR.into()),
                _ => ServerHeader::default(),
            },
            accept_http10: self.accepts_http10(world, options),
            append_forwarded_host: headers
                .and_then(|headers| headers.x_forwarded_host.as_ref())
                .is_some_and(|header| disabled(header.enabled)),
            no_request_id: headers
                .and_then(|headers| headers.request_id.as_ref())
                .is_some_and(|header| disabled(header.disabled)),
            no_attempt_count: headers
                .and_then(|headers| headers.attempt_count.as_ref())
                .is_some_and(|header| disabled(header.disabled)),
            no_debug_headers: headers
                .and_then(|headers| headers.envoy_debug_headers.as_ref())
                .is_some_and(|header| disabled(header.disabled)),
        }
    }

    /// The environment says so: that of a ProxyConfig that selects this workload (the gateway's
    /// namespace before the root namespace), else that of the mesh.
    fn accepts_http10(self, world: &World, options: &Options) -> bool {
        let root = self.root_namespace();
        let objects = in_order(&world.proxy_configs);
        let of_namespace = |namespace: &str| {
            objects.iter().find_map(|object| {
                let selector = object.spec.selector.as_ref().map(|selector| &selector.match_labels);
                let selected = selector.is_none_or(|labels| selects(labels, &options.labels));
                let here = *object.meta.key.namespace == *namespace && selected;
                here.then(|| object.spec.environment_variables.get(HTTP10)).flatten()
            })
        };
        let value = of_namespace(&options.namespace)
            .or_else(|| of_namespace(root))
            .or_else(|| self.proxy().and_then(|proxy| proxy.proxy_metadata.get(HTTP10)));
        value.is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
    }
}

fn client_certificate(kind: ForwardClientCert) -> ClientCertificate {
    match kind {
        ForwardClientCert::Sanitize => ClientCertificate::Sanitize,
        ForwardClientCert::ForwardOnly => ClientCertificate::ForwardOnly,
        ForwardClientCert::AppendForward => ClientCertificate::AppendForward,
        ForwardClientCert::Undefined | ForwardClientCert::SanitizeSet => {
            ClientCertificate::SanitizeSet
        }
        ForwardClientCert::AlwaysForwardOnly => ClientCertificate::AlwaysForwardOnly,
    }
}

fn path_normalization(kind: NormalizationType) -> PathNormalization {
    match kind {
        NormalizationType::None => PathNormalization::None,
        NormalizationType::Default | NormalizationType::Base => PathNormalization::Base,
        NormalizationType::MergeSlashes => PathNormalization::MergeSlashes,
        NormalizationType::DecodeAndMergeSlashes => PathNormalization::DecodeAndMergeSlashes,
    }
}
