// Command metrics stands in for metrics-server in scripts/kube.sh: it serves metrics.k8s.io
// for pods that only seem to run. The load of all pods together is in a file, in
// thousandths of a CPU, and is shared by those that run.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

type object = map[string]any

func main() {
	port := flag.Int("port", 0, "port to listen on")
	cert := flag.String("cert", "", "certificate")
	key := flag.String("key", "", "its key")
	load := flag.String("load", "", "`file` that holds the load")
	kubectl := flag.String("kubectl", "kubectl", "kubectl, which KUBECONFIG tells where to")
	flag.Parse()
	s := &http.Server{
		Addr: fmt.Sprintf("127.0.0.1:%d", *port), ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(answer(r, *kubectl, *load))
		}),
	}
	fmt.Fprintln(os.Stderr, "metrics:", s.ListenAndServeTLS(*cert, *key))
	os.Exit(1)
}

func answer(r *http.Request, kubectl, load string) object {
	path := strings.TrimSuffix(r.URL.Path, "/")
	_, rest, pods := strings.Cut(path, "/namespaces/")
	switch {
	case pods && strings.HasSuffix(rest, "/pods"):
		return usage(r.URL.Query(), kubectl, load, strings.TrimSuffix(rest, "/pods"))
	case strings.HasSuffix(path, "/v1beta1"):
		return object{
			"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "metrics.k8s.io/v1beta1",
			"resources": []object{{"name": "pods", "singularName": "", "namespaced": true, "kind": "PodMetrics", "verbs": []string{"get", "list"}}},
		}
	}
	return object{"kind": "APIGroupList", "apiVersion": "v1", "groups": []object{}}
}

func usage(q url.Values, kubectl, load, namespace string) object {
	list := object{"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": object{}, "items": []object{}}
	out, err := exec.Command(kubectl, "get", "pods", "-n", namespace, "-l", q.Get("labelSelector"), "-o", "json").Output() //nolint:gosec,noctx // a stand-in for tests
	if err != nil {
		return list
	}
	var pods struct {
		Items []struct {
			Metadata struct {
				Name, DeletionTimestamp string
				Labels                  map[string]string
			}
			Spec   struct{ Containers []struct{ Name string } }
			Status struct{ Phase string }
		}
	}
	if json.Unmarshal(out, &pods) != nil {
		return list
	}
	text, _ := os.ReadFile(load) //nolint:gosec // the operator's own
	total, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	running := pods.Items[:0]
	for _, p := range pods.Items {
		if p.Status.Phase == "Running" && p.Metadata.DeletionTimestamp == "" {
			running = append(running, p)
		}
	}
	var items []object
	for _, p := range running {
		var containers []object
		for _, c := range p.Spec.Containers {
			containers = append(containers, object{"name": c.Name, "usage": object{"cpu": fmt.Sprintf("%dm", total/len(running)), "memory": "100Mi"}})
		}
		items = append(items, object{
			"metadata":  object{"name": p.Metadata.Name, "namespace": namespace, "labels": p.Metadata.Labels},
			"timestamp": time.Now().UTC().Format(time.RFC3339), "window": "10s", "containers": containers,
		})
	}
	list["items"] = items
	return list
}
