package chart_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
)

// decode reads manifests into Kubernetes' own types. An unknown or repeated
// field fails the test, and so does a list with two elements of one key.
func decode(t *testing.T, manifests string) []runtime.Object {
	t.Helper()
	known := runtime.NewScheme()
	if err := errors.Join(scheme.AddToScheme(known), monitoring.AddToScheme(known)); err != nil {
		t.Fatal(err)
	}
	decoder := serializer.NewCodecFactory(known, serializer.EnableStrict).UniversalDeserializer()
	schemas := applyconfigurations.NewTypeConverter(scheme.Scheme)
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader([]byte(manifests))))
	var objects []runtime.Object
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		if blank(document) {
			continue
		}
		object, kind, err := decoder.Decode(document, nil, nil)
		if err != nil {
			t.Errorf("%v\n%s", err, document)
			continue
		}
		if scheme.Scheme.Recognizes(*kind) {
			if _, err := schemas.ObjectToTyped(object); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
		objects = append(objects, object)
	}
}

// blank says that a document has only comments in it.
func blank(document []byte) bool {
	for line := range strings.Lines(string(document)) {
		line = strings.TrimSpace(line)
		if line != "" && line != "---" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}

// find returns the objects of a type.
func find[T any](objects []runtime.Object) []T {
	var found []T
	for _, object := range objects {
		if one, ok := object.(T); ok {
			found = append(found, one)
		}
	}
	return found
}

func TestEveryManifestIsWhatKubernetesReads(t *testing.T) {
	t.Parallel()
	for _, file := range values(t) {
		objects := decode(t, render(t, "--values", file))
		if len(objects) < 8 {
			t.Errorf("%s: only %d objects", file, len(objects))
		}
		for _, object := range objects {
			one := object.(meta.Object)
			if problems := validation.IsDNS1123Label(one.GetName()); problems != nil {
				t.Errorf("%s: name %q: %v", file, one.GetName(), problems)
			}
			for name, value := range one.GetLabels() {
				if problems := append(validation.IsQualifiedName(name), validation.IsValidLabelValue(value)...); problems != nil {
					t.Errorf("%s: label %s=%s of %s: %v", file, name, value, one.GetName(), problems)
				}
			}
		}
	}
}

func TestEverythingOptionalIsThereWhenAskedFor(t *testing.T) {
	t.Parallel()
	objects := decode(t, render(t, "--values", "testdata/full.yaml"))
	for what, count := range map[string]int{
		"Deployment":              len(find[*apps.Deployment](objects)) - 3,
		"PodDisruptionBudget":     len(find[*policy.PodDisruptionBudget](objects)) - 2,
		"HorizontalPodAutoscaler": len(find[*autoscaling.HorizontalPodAutoscaler](objects)) - 2,
		"NetworkPolicy":           len(find[*networking.NetworkPolicy](objects)) - 2,
		"Ingress":                 len(find[*networking.Ingress](objects)) - 1,
		"ServiceMonitor":          len(find[*monitoring.ServiceMonitor](objects)) - 1,
		"Service":                 len(find[*core.Service](objects)) - 3,
		"ServiceAccount":          len(find[*core.ServiceAccount](objects)) - 1,
	} {
		if count != 0 {
			t.Errorf("%s: %+d from what is right", what, count)
		}
	}
	for _, hpa := range find[*autoscaling.HorizontalPodAutoscaler](objects) {
		if strings.HasSuffix(hpa.Name, "gateway") && (hpa.Spec.Metrics[0].Pods == nil ||
			hpa.Spec.Metrics[0].Pods.Metric.Name != "parley_gateway_sessions") {
			t.Errorf("%s does not scale on sessions", hpa.Name)
		}
	}
}

// Every selector must choose the pods of one part and no others.
func TestSelectorsChooseTheirOwnPods(t *testing.T) {
	t.Parallel()
	objects := decode(t, render(t, "--values", "testdata/full.yaml"))
	pods := map[string]labels.Set{}
	for _, deployment := range find[*apps.Deployment](objects) {
		pods[deployment.Name] = deployment.Spec.Template.Labels
	}
	chosen := func(name string, selector labels.Selector) {
		t.Helper()
		var names []string
		for pod, set := range pods {
			if selector.Matches(set) {
				names = append(names, pod)
			}
		}
		if len(names) != 1 || !strings.HasPrefix(name, names[0]) {
			t.Errorf("%s chooses the pods of %v", name, names)
		}
	}
	by := func(name string, selector *meta.LabelSelector) {
		t.Helper()
		parsed, err := meta.LabelSelectorAsSelector(selector)
		if err != nil {
			t.Fatal(err)
		}
		chosen(name, parsed)
	}
	for _, one := range find[*apps.Deployment](objects) {
		by(one.Name, one.Spec.Selector)
		for _, spread := range one.Spec.Template.Spec.TopologySpreadConstraints {
			by(one.Name, spread.LabelSelector)
		}
	}
	for _, one := range find[*policy.PodDisruptionBudget](objects) {
		by(one.Name, one.Spec.Selector)
	}
	for _, one := range find[*networking.NetworkPolicy](objects) {
		by(one.Name, &one.Spec.PodSelector)
	}
	services := find[*core.Service](objects)
	for _, one := range services {
		chosen(one.Name, labels.SelectorFromSet(one.Spec.Selector))
	}
	monitor := find[*monitoring.ServiceMonitor](objects)[0]
	selector, err := meta.LabelSelectorAsSelector(&monitor.Spec.Selector)
	if err != nil {
		t.Fatal(err)
	}
	var scraped []string
	for _, one := range services {
		if selector.Matches(labels.Set(one.Labels)) {
			scraped = append(scraped, one.Name)
		}
	}
	slices.Sort(scraped)
	if !slices.Equal(scraped, []string{"test-parley-gateway-ops", "test-parley-roomsvc-ops"}) {
		t.Errorf("the ServiceMonitor chooses %v", scraped)
	}
}

func TestPodsAreLockedDownAndHaveTimeToLeave(t *testing.T) {
	t.Parallel()
	for _, file := range values(t) {
		for _, deployment := range find[*apps.Deployment](decode(t, render(t, "--values", file))) {
			pod := deployment.Spec.Template.Spec
			container := pod.Containers[0]
			if *pod.SecurityContext.RunAsNonRoot != true || *container.SecurityContext.ReadOnlyRootFilesystem != true ||
				*container.SecurityContext.AllowPrivilegeEscalation || *pod.AutomountServiceAccountToken {
				t.Errorf("%s: %s may do more than it needs", file, deployment.Name)
			}
			if strings.HasSuffix(deployment.Name, "turn") { // its figures are not on the node's network
				if container.LivenessProbe.Exec == nil || container.StartupProbe.Exec == nil || !pod.HostNetwork {
					t.Errorf("%s: %s is not asked how it is, or has no ports of its node", file, deployment.Name)
				}
				continue
			}
			if container.ReadinessProbe.HTTPGet.Path != "/readyz" || container.LivenessProbe.HTTPGet.Path != "/healthz" || container.StartupProbe == nil {
				t.Errorf("%s: %s is not asked how it is", file, deployment.Name)
			}
			if !strings.HasSuffix(deployment.Name, "gateway") {
				continue
			}
			var drain int64
			for _, variable := range container.Env {
				if seconds, ok := strings.CutSuffix(variable.Value, "s"); ok && variable.Name == "PARLEY_DRAIN" {
					for _, digit := range seconds {
						drain = drain*10 + int64(digit-'0')
					}
				}
			}
			grace, stop := *pod.TerminationGracePeriodSeconds, container.Lifecycle.PreStop.Sleep.Seconds
			if drain == 0 || stop == 0 || grace <= drain+stop {
				t.Errorf("%s: %s has %d s for a stop of %d s and a drain of %d s", file, deployment.Name, grace, stop, drain)
			}
		}
	}
}

// A number of bytes is written in full, which the program reads; and nobody being kept is a setting like others.
func TestAGatewayKeepsWhatItsValuesSay(t *testing.T) {
	t.Parallel()
	for file, want := range map[string][2]string{"testdata/default.yaml": {"30", "67108864"}, "testdata/full.yaml": {"0", "1073741824"}} {
		for _, deployment := range find[*apps.Deployment](decode(t, render(t, "--values", file))) {
			if !strings.HasSuffix(deployment.Name, "gateway") {
				continue
			}
			got := make(map[string]string)
			for _, variable := range deployment.Spec.Template.Spec.Containers[0].Env {
				got[variable.Name] = variable.Value
			}
			if got["PARLEY_KEEP"] != want[0] || got["PARLEY_MAX_KEPT"] != want[1] {
				t.Errorf("%s: keeps %q seconds and %q bytes", file, got["PARLEY_KEEP"], got["PARLEY_MAX_KEPT"])
			}
		}
	}
}

// Tokens are asked for as the values say, and their secret comes from a Secret, as a file, and to gateways alone.
func TestTokensAreAskedForByReferenceToASecret(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{"testdata/default.yaml": "none", "testdata/full.yaml": "jwt"} {
		for _, deployment := range find[*apps.Deployment](decode(t, render(t, "--values", file))) {
			pod := deployment.Spec.Template.Spec
			got := make(map[string]string)
			for _, variable := range pod.Containers[0].Env {
				got[variable.Name] = variable.Value
			}
			mounted := false
			for _, volume := range pod.Volumes {
				mounted = mounted || volume.Secret != nil && volume.Secret.SecretName == "parley-tokens"
			}
			isGateway := strings.HasSuffix(deployment.Name, "gateway")
			switch {
			case mounted != (isGateway && want == "jwt"):
				t.Errorf("%s: %s mounts the secret: %t", file, deployment.Name, mounted)
			case isGateway && (got["PARLEY_AUTH"] != want || want == "jwt" && got["PARLEY_AUTH_SECRET_FILE"] != "/etc/parley/tokens/secret"):
				t.Errorf("%s: %v", file, got)
			case strings.HasSuffix(deployment.Name, "roomsvc") && got["PARLEY_REQUIRE_USER"] != fmt.Sprint(want == "jwt"):
				t.Errorf("%s: the room service requires users: %s", file, got["PARLEY_REQUIRE_USER"])
			}
		}
	}
	for name, values := range map[string]string{
		"no key":            "gateway.auth.kind=jwt",
		"both":              "gateway.auth.kind=jwt,gateway.auth.jwks=https://a/k,gateway.auth.audience=c,gateway.auth.secret=s",
		"keys, no audience": "gateway.auth.kind=jwt,gateway.auth.jwks=https://a/k",
		"keys in the clear": "gateway.auth.kind=jwt,gateway.auth.jwks=http://a/k,gateway.auth.audience=c",
		"another kind":      "gateway.auth.kind=basic",
	} {
		if out, err := helm(t, "template", "test", chart, "--set", values); err == nil {
			t.Errorf("%s: rendered\n%s", name, out)
		}
	}
}

// Clients are told of the TURN server that the chart starts, and of others; all share a secret, which comes from a Secret.
func TestGatewaysTellOfTURNServers(t *testing.T) {
	t.Parallel()
	for file, want := range map[string][2]string{
		"testdata/default.yaml": {},
		"testdata/full.yaml": {
			"stun:stun.example.org,stun:198.51.100.7:3478",
			"turn:turn.example.org:3478?transport=udp,turn:198.51.100.7:3478?transport=udp,turn:198.51.100.7:3478?transport=tcp,turns:turn.example.org:3478?transport=tcp",
		},
	} {
		shared := map[string]string{}
		for _, deployment := range find[*apps.Deployment](decode(t, render(t, "--values", file))) {
			container := deployment.Spec.Template.Spec.Containers[0]
			got := map[string]string{}
			for _, variable := range container.Env {
				got[variable.Name] = variable.Value
			}
			for _, volume := range deployment.Spec.Template.Spec.Volumes {
				if volume.Name == "turn" {
					shared[deployment.Name] = volume.Secret.SecretName
				}
			}
			if strings.HasSuffix(deployment.Name, "gateway") && (got["PARLEY_STUN"] != want[0] || got["PARLEY_TURN"] != want[1]) {
				t.Errorf("%s: clients are told %q and %q", file, got["PARLEY_STUN"], got["PARLEY_TURN"])
			}
			if strings.HasSuffix(deployment.Name, "turn") && (got["PARLEY_TURN_PUBLIC_ADDRESS"] != "198.51.100.7" || got["PARLEY_TURN_LISTEN"] != ":3478" || got["PARLEY_TLS_CERT"] == "" || got["PARLEY_TURN_BITS"] != "8000000") {
				t.Errorf("%s: the TURN server has %v", file, got)
			}
		}
		if want[0] != "" && !maps.Equal(shared, map[string]string{"test-parley-gateway": "parley-turn", "test-parley-turn": "parley-turn"}) || want[0] == "" && len(shared) > 0 {
			t.Errorf("%s: the secret is shared by %v", file, shared)
		}
	}
}

// The room service's two logins come from different keys of the Secret, and a
// gateway is never given the journal's.
func TestEachPartHasItsOwnLogins(t *testing.T) {
	t.Parallel()
	want := map[string]map[string]string{
		"test-parley-gateway": {"PARLEY_NATS": "gateway"},
		"test-parley-roomsvc": {"PARLEY_NATS": "roomsvc", "PARLEY_JOURNAL_NATS": "journal"},
		"test-parley-turn":    {},
	}
	for _, deployment := range find[*apps.Deployment](decode(t, render(t, "--values", "testdata/full.yaml"))) {
		got := map[string]string{}
		for _, variable := range deployment.Spec.Template.Spec.Containers[0].Env {
			if variable.ValueFrom != nil && variable.ValueFrom.SecretKeyRef != nil {
				got[variable.Name] = variable.ValueFrom.SecretKeyRef.Key
			}
		}
		if !maps.Equal(got, want[deployment.Name]) {
			t.Errorf("%s logs in by %v", deployment.Name, got)
		}
		for _, volume := range deployment.Spec.Template.Spec.Volumes {
			if volume.Name != "creds" {
				continue
			}
			for _, item := range volume.Secret.Items {
				if item.Key == "journal.creds" && strings.HasSuffix(deployment.Name, "gateway") {
					t.Error("gateways are given the journal's credentials")
				}
			}
		}
	}
}
