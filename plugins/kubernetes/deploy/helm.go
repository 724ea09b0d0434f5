package deploy

import _ "helm.sh/helm/v4/pkg/action"
