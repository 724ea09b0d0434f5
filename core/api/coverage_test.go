package api

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/patchbay-ci/patchbay/core/api/contract"
)

// seen is what the tests of this package were answered, by operation and status: the
// one thing that they share, so that TestMain can tell what none of them has asked for.
var seen sync.Map

// everywhere are errors that have one place in the server for all operations: they need
// to be seen once, not once each.
var everywhere = []int{429, 500, 502, 503, 504}

// unseen are answers of the contract that no test gets, with the reason.
var unseen = map[string]string{
	"getHealth 503":        "the store in memory always answers; the e2e tests stop a real one",
	"getEvents 200":        "the tests of events read them with another client",
	"streamExecution 101":  "the WebSocket tests speak without this client",
	"deletePipeline 409":   "only two who write at the same moment get it: storetest has that",
	"updatePipeline 409":   "only two who write at the same moment get it: storetest has that",
	"restoreVersion 409":   "only two who write at the same moment get it: storetest has that",
	"approveExecution 422": "as triggerPipeline",
	"createPipeline 409":   "as triggerPipeline",
	"uploadPipeline 409":   "as triggerPipeline",
	"restoreVersion 422":   "as triggerPipeline",
	"retryExecution 422":   "as triggerPipeline",
	"uploadPipeline 422":   "as triggerPipeline",
	"createPipeline 422":   "as triggerPipeline",

	"receivePipelineWebhook 413": "the end-to-end tests send more than 25 MiB",
	"receiveWebhook 413":         "the end-to-end tests send more than 25 MiB",
	"beginOAuth 302":             "the tests of logins go the whole way with a browser's client",
	"finishOAuth 303":            "as beginOAuth",
	"finishOAuth 400":            "its query is whatever the other service sends",
	"finishOAuth 401":            "as beginOAuth",
	"rotateSigningKey 409":       "only with the operator's own key: the tests of core/auth have one",
	"updateUser 409":             "nobody changes himself so: the tests of core/auth try",
	"deleteUser 409":             "as updateUser",

	"cancelExecutionByPost 422": "it has no body: another path is another execution",
}

// generic are errors whose tests are elsewhere for all operations at once.
var generic = map[int]string{
	403: "who may do what is the authorization matrix's",
	429: "limits are counted for all operations alike",
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	whole := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == "" &&
		flag.Lookup("test.fuzz").Value.String() == "" && flag.Lookup("test.list").Value.String() == "" && flag.Lookup("test.bench").Value.String() == ""
	if code == 0 && whole && !uncoveredIsEmpty() {
		code = 1
	}
	os.Exit(code)
}

// uncoveredIsEmpty prints what the contract promises and no test has got.
func uncoveredIsEmpty() bool {
	c, err := contract.Parse(document)
	if err != nil {
		fmt.Println(err)
		return false
	}
	good, once := true, map[int]bool{}
	seen.Range(func(key, _ any) bool {
		var operation string
		var status int
		_, _ = fmt.Sscan(key.(string), &operation, &status)
		once[status] = true
		return true
	})
	for _, o := range c.Operations {
		for _, answer := range slices.Sorted(maps.Keys(o.Answers)) {
			status, err := strconv.Atoi(answer)
			key := fmt.Sprintf("%s %d", o.ID, status)
			_, is := seen.Load(key)
			if err != nil || is || generic[status] != "" || unseen[key] != "" || slices.Contains(everywhere, status) && once[status] {
				continue
			}
			good = false
			fmt.Printf("coverage: no test was answered %s (%s %s)\n", key, o.Method, o.Path)
		}
	}
	if !good {
		fmt.Println("coverage: test what is listed, or say in unseen (coverage_test.go) why that cannot be")
	}
	return good
}
