// What Yosys synthesizes: a counter that shows its bits on eight lights, with a pulse width for each.
module top(input clk, input button, output [7:0] lights);
  reg [23:0] ticks = 0;
  reg [7:0] level = 0;
  reg [1:0] pressed = 0;
  wire edge_seen = pressed == 2'b01;
  always @(posedge clk) begin
    ticks <= ticks + 1;
    pressed <= {pressed[0], button};
    if (edge_seen) level <= level + 8'd17;
    else if (&ticks) level <= {level[6:0], level[7] ^ level[5] ^ level[4] ^ level[3]};
  end
  genvar i;
  generate
    for (i = 0; i < 8; i = i + 1)
      assign lights[i] = (ticks[7:0] < (level >> (i % 4))) ^ (ticks[23 - i] & level[i]);
  endgenerate
endmodule
