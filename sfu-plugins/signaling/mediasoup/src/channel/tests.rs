mod back_pressure;
mod framing;
