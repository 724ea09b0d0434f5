// Package pluginhost finds connectors, checks them, launches them and watches
// over their processes. It is the server's connector factory and manager.
//
// A connector is a program patchbay-connector-<name> in the plugin path. The Host
// launches it on first use, shares one process among all users, stops it when it
// is idle, launches it again after a crash (with back-off, and quarantine for one
// that keeps crashing) and takes up a replaced binary without disturbing the
// users of the old one. A broken connector is listed with its reason and stops
// nothing else. No process outlives its Host.
package pluginhost
