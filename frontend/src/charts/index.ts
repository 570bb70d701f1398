/** Registers every chart. */

import "./activity_bars";
import "./curve_chart";
import "./density_strip";
import "./timeline";
