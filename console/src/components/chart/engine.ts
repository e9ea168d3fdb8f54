// The part of ECharts that is used, loaded when the first chart is seen. Drawn on a canvas: the policy of the
// page allows no style attributes in markup, which ECharts' HTML tooltips would need.
import { BarChart, LineChart } from 'echarts/charts'
import { GridComponent, TooltipComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'

use([BarChart, LineChart, GridComponent, TooltipComponent, CanvasRenderer])

export { init }
