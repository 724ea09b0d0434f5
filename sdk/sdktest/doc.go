// Package sdktest is the conformance kit: it plays the host and checks that a
// connector keeps the promises of the protocol. An attempt that is called twice
// is done once, no byte of output is lost or doubled, a cancelled step ends in
// time, nothing is left behind.
//
// In a connector's own tests:
//
//	func TestConformance(t *testing.T) {
//		sdktest.Run(t, newConnector(), sdktest.Case{
//			Name:   "greets",
//			Config: json.RawMessage(`{"who": "world"}`),
//			Expect: sdktest.Expectation{Stdout: sdktest.Text("hello, world\n")},
//		})
//	}
//
// Check does the same to anything that speaks the protocol, such as a Program in
// whatever language; `patchbay plugin test` is made of it.
package sdktest
