//! MeshConfig keys without effect yet. Those that concern sidecars, the control plane or its
//! installation have none at a gateway in Istio either and are passed over.

use std::path::PathBuf;
use std::sync::Arc;

use propylon_model::mesh_config::DefaultTrafficPolicy;
use propylon_model::proxy_defaults::{ProxyConfigDefaults, ProxyHeaders, Topology};
use propylon_model::{Code, ConfigMap, FieldPath, MeshConfig, Object, Problem, Severity, Source};
use propylon_snapshot::{CipherSuite, TlsGroup};

use crate::mesh::HTTP10;
use crate::problems::{Problems, code};
use crate::view::View;

/// The name of Istio's ConfigMap.
const CONFIG_MAP: &str = "istio";
/// Its key with the settings of the mesh.
const KEY: &str = "mesh";

/// The key beside it with the networks of the mesh.
const NETWORKS: &str = "meshNetworks";

/// Reports the mesh settings of a world.
pub(super) fn report(view: &View<'_>, problems: &mut Problems) {
    networks(view, problems);
    let Some(config) = &view.world.mesh else { return };
    let object =
        view.world.config_maps.iter().find(|object| {
            &*object.meta.key.name == CONFIG_MAP && object.spec.data.contains_key(KEY)
        });
    tls_limits(config, object.map(Arc::as_ref), problems);
    let mut keys = mesh_keys(config);
    if let Some(policy) = &config.default_traffic_policy {
        // In effect, both.
        let DefaultTrafficPolicy { connection_pool: _, outlier_detection: _ } = policy;
    }
    if let Some(proxy) = &config.default_config {
        keys.extend(proxy_keys(proxy));
        for name in proxy.proxy_metadata.keys().filter(|name| *name != HTTP10) {
            problems.push(problem(object.map(Arc::as_ref), &format!("proxyMetadata.{name}")));
        }
    }
    for (key, _) in keys.into_iter().filter(|(_, set)| *set) {
        problems.push(problem(object.map(Arc::as_ref), key));
    }
}

/// Istio keeps the networks of a mesh beside its settings; its own default names none.
fn networks(view: &View<'_>, problems: &mut Problems) {
    for object in &view.world.config_maps {
        let networks = object.spec.data.get(NETWORKS).map_or("", |text| text.trim());
        if &*object.meta.key.name == CONFIG_MAP && !["", "networks: {}"].contains(&networks) {
            let field = FieldPath::root().key("data").key(NETWORKS);
            let message = "the networks of the mesh are not yet in effect";
            problems.push(Problem::of(
                Severity::Warning,
                code::NOT_IN_EFFECT,
                object,
                field,
                message,
            ));
        }
    }
}

/// Says which of the mesh's cipher suites and groups the TLS library does not have.
fn tls_limits(config: &MeshConfig, object: Option<&Object<ConfigMap>>, problems: &mut Problems) {
    let of_mesh_itself = config.mesh_mtls.iter().flat_map(|mesh| &mesh.cipher_suites);
    let of_others = config.tls_defaults.iter();
    let suites = of_others.clone().flat_map(|defaults| &defaults.cipher_suites);
    let groups = of_others.flat_map(|defaults| &defaults.ecdh_curves);
    let suites = suites.map(|name| ("tlsDefaults.cipherSuites", name));
    let suites = suites.chain(of_mesh_itself.map(|name| ("meshMTLS.cipherSuites", name)));
    let suites = suites.filter(|(_, name)| CipherSuite::parse(name).is_none());
    let groups = groups.filter(|name| TlsGroup::parse(name).is_none());
    for (key, name) in suites.chain(groups.map(|name| ("tlsDefaults.ecdhCurves", name))) {
        let message = format!(
            "MeshConfig `{key}`: `{name}` is not offered: this gateway's TLS library does not \
             have it"
        );
        problems.push(of_mesh(object, code::TLS_LIMIT, message));
    }
}

fn problem(object: Option<&Object<ConfigMap>>, key: &str) -> Problem {
    of_mesh(object, code::NOT_IN_EFFECT, format!("MeshConfig `{key}` is not yet in effect"))
}

fn of_mesh(object: Option<&Object<ConfigMap>>, code: &'static str, message: String) -> Problem {
    let field = FieldPath::root().key("data").key(KEY);
    match object {
        Some(object) => Problem::of(Severity::Warning, code, object, field, message),
        None => Problem {
            severity: Severity::Warning,
            code: Code(code),
            object: None,
            // Settings given on the command line have no object to point into.
            source: Source::File { path: Arc::new(PathBuf::new()), document: 0, item: None },
            field: FieldPath::root(),
            at_key: false,
            message,
            help: String::new(),
            position: None,
            notes: Vec::new(),
        },
    }
}

fn mesh_keys(config: &MeshConfig) -> Vec<(&'static str, bool)> {
    let default = MeshConfig::default();
    let MeshConfig {
        // In effect.
        locality_lb_setting: _,
        connect_timeout: _,
        default_config: _,
        default_service_export_to: _,
        default_virtual_service_export_to: _,
        default_destination_rule_export_to: _,
        root_namespace: _,
        path_normalization: _,
        default_http_retry_policy: _,
        default_traffic_policy: _,
        h2_upgrade_policy: _,
        // For sidecars, ambient mode, the control plane and Kubernetes Ingress.
        proxy_listen_port: _,
        proxy_inbound_listen_port: _,
        proxy_http_port: _,
        hbone_idle_timeout: _,
        protocol_detection_timeout: _,
        outbound_traffic_policy: _,
        inbound_traffic_policy: _,
        config_sources: _,
        trust_domain: _,
        trust_domain_aliases: _,
        ca: _,
        ca_certificates: _,
        certificates: _,
        service_settings: _,
        service_scope_configs: _,
        discovery_selectors: _,
        inbound_cluster_stat_name: _,
        service_entry_visibility: _,
        ingress_class: _,
        ingress_service: _,
        ingress_controller_mode: _,
        ingress_selector: _,
        enable_prometheus_merge: _,
        disable_envoy_listener_log: _,
        verify_certificate_at_client: _,
        enable_auto_mtls: _,
        // Not yet, or in part.
        zone_aware_lb_setting,
        enable_tracing,
        access_log_file,
        access_log_format,
        access_log_encoding,
        enable_envoy_access_log_service,
        outbound_cluster_stat_name,
        extension_providers,
        default_providers,
        // In effect.
        tls_defaults: _,
        mesh_mtls: _,
        tcp_keepalive: _,
        dns_refresh_rate: _,
    } = config;
    let text = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    vec![
        ("enableTracing", *enable_tracing == Some(true)),
        ("accessLogFile", text(access_log_file)),
        ("accessLogFormat", text(access_log_format)),
        ("accessLogEncoding", *access_log_encoding != default.access_log_encoding),
        ("enableEnvoyAccessLogService", *enable_envoy_access_log_service == Some(true)),
        ("zoneAwareLbSetting", zone_aware_lb_setting.is_some()),
        ("outboundClusterStatName", text(outbound_cluster_stat_name)),
        ("extensionProviders", !extension_providers.is_empty()),
        ("defaultProviders", default_providers.is_some()),
    ]
}

fn proxy_keys(proxy: &ProxyConfigDefaults) -> Vec<(&'static str, bool)> {
    let ProxyConfigDefaults {
        // In effect, or looked at one by one below.
        gateway_topology,
        proxy_headers,
        proxy_metadata: _,
        // For the sidecar's installation, its agent and its bootstrap.
        config_path: _,
        binary_path: _,
        service_cluster: _,
        discovery_address: _,
        discovery_refresh_delay: _,
        proxy_admin_port: _,
        availability_zone: _,
        control_plane_auth_policy: _,
        proxy_bootstrap_template_path: _,
        interception_mode: _,
        sds: _,
        status_port: _,
        mesh_id: _,
        readiness_probe: _,
        hold_application_until_proxy_starts: _,
        ca_certificates_pem: _,
        image: _,
        private_key_provider: _,
        file_flush_interval: _,
        file_flush_min_size_kb: _,
        stats_compression: _,
        runtime_values: _,
        // Not yet.
        tracing_service_name,
        drain_duration,
        zipkin_address,
        statsd_udp_address,
        envoy_metrics_service_address,
        custom_config_file,
        stat_name_length,
        concurrency,
        tracing,
        envoy_access_log_service,
        envoy_metrics_service,
        extra_stat_tags,
        termination_drain_duration,
        proxy_stats_matcher,
        connection_settings,
    } = proxy;
    let text = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let mut keys = vec![
        ("defaultConfig.tracingServiceName", tracing_service_name.is_some()),
        ("defaultConfig.drainDuration", drain_duration.is_some()),
        ("defaultConfig.zipkinAddress", text(zipkin_address)),
        ("defaultConfig.statsdUdpAddress", text(statsd_udp_address)),
        ("defaultConfig.envoyMetricsServiceAddress", text(envoy_metrics_service_address)),
        ("defaultConfig.customConfigFile", text(custom_config_file)),
        ("defaultConfig.statNameLength", stat_name_length.is_some()),
        ("defaultConfig.concurrency", concurrency.is_some()),
        ("defaultConfig.tracing", tracing.is_some()),
        ("defaultConfig.envoyAccessLogService", envoy_access_log_service.is_some()),
        ("defaultConfig.envoyMetricsService", envoy_metrics_service.is_some()),
        ("defaultConfig.extraStatTags", !extra_stat_tags.is_empty()),
        ("defaultConfig.terminationDrainDuration", termination_drain_duration.is_some()),
        ("defaultConfig.proxyStatsMatcher", proxy_stats_matcher.is_some()),
        ("defaultConfig.connectionSettings", connection_settings.is_some()),
    ];
    keys.extend(gateway_keys(gateway_topology.as_ref(), proxy_headers.as_ref()));
    keys
}

fn gateway_keys(
    topology: Option<&Topology>,
    headers: Option<&ProxyHeaders>,
) -> Vec<(&'static str, bool)> {
    let mut keys = Vec::new();
    if let Some(topology) = topology {
        let Topology { num_trusted_proxies: _, forward_client_cert_details: _, proxy_protocol: _ } =
            topology;
    }
    if let Some(headers) = headers {
        // Those about client certificates are for sidecars; a gateway has them in its topology. The
        // mesh's own headers come with the mesh leg.
        let ProxyHeaders {
            forwarded_client_cert: _,
            set_current_client_cert_details: _,
            request_id: _,
            server: _,
            attempt_count: _,
            envoy_debug_headers: _,
            metadata_exchange_headers: _,
            preserve_http1_header_case,
            x_forwarded_host: _,
            x_forwarded_port,
        } = headers;
        keys.extend([
            (
                "defaultConfig.proxyHeaders.preserveHttp1HeaderCase",
                *preserve_http1_header_case == Some(true),
            ),
            (
                "defaultConfig.proxyHeaders.xForwardedPort",
                x_forwarded_port.as_ref().is_some_and(|one| one.enabled == Some(true)),
            ),
        ]);
    }
    keys
}
