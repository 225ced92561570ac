/** Where a template is deployed to. */
export interface DeploymentPlace {
  readonly subscriptionId: string
  readonly resourceGroup: string | undefined
  readonly location: string
  readonly tenantId: string
  readonly deploymentName: string
  readonly now: Date
}
