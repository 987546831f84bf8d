namespace Pith.Compression.Reconstruction;

/// <summary>What reconstruction did to a layer.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="OpType">The ONNX op type.</param>
/// <param name="Outcome">For people: what was chosen, or why the layer stayed as it was.</param>
/// <param name="ErrorBefore">The energy of the error of the layer's results relative to that of the results, on images that the choice was not made on, with weights rounded to nearest; NaN when nothing was tried.</param>
/// <param name="ErrorAfter">The same with the weights that were chosen.</param>
public sealed record ReconstructedLayer(string Name, string OpType, string Outcome, double ErrorBefore, double ErrorAfter);
