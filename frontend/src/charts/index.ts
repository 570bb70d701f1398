/** Registers every chart. */

export { ActivityBars } from "./activity_bars";
export { CurveChart, type CurveWords } from "./curve_chart";
export { DensityDifferenceStrip } from "./density_difference_strip";
export { DensityStrip, densityDomain } from "./density_strip";
export { HeatMap } from "./heat_map";
export { PathChart } from "./path_chart";
export { Fan, MiniDensity, Sparkline } from "./sparkline";
export { Timeline } from "./timeline";
export { Trajectories } from "./trajectories";
export { WeightsChart } from "./weights_chart";
