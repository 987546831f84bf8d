using Pith.Building;
using Pith.Kernels;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Attention by plain loops in double precision, with the rounding that the graph's ops have between them.</summary>
internal sealed class ReferenceAttention : ReferenceTactic<AttentionLayer>
{
    protected override void Run(AttentionLayer layer, RunState state)
    {
        float[] Floats(int input) => SlotTensors.Read(layer.Inputs[input]!, state).As<float>().Data;
        var (q, k, v, mask) = (Floats(0), Floats(1), Floats(2), layer.Mask is null ? [] : Floats(3));
        int[] sizes = [.. layer.LeadingShape.At(state.Batch).Dims];
        var result = Tensor.Zeros(layer.Output.DataType, layer.Output.Shape.At(state.Batch));
        var count = sizes.Aggregate(1L, (product, size) => product * size);
        var weights = new float[layer.T];
        for (var index = 0L; index < count; index++)
            for (var m = 0; m < layer.M; m++)
            {
                for (var t = 0; t < layer.T; t++)
                {
                    var sum = 0.0;
                    for (var d = 0; d < layer.D; d++) sum += (double)Element(q, layer.Query, index, m, d, sizes) * Element(k, layer.Key, index, d, t, sizes);
                    weights[t] = (float)sum * layer.Scale;
                    if (layer.Mask is { } masked) weights[t] += mask[masked.Start(index, sizes) + (long)m * masked.Row + (long)t * masked.Column];
                }
                Softmax(weights, layer.Weights8);
                for (var w = 0; w < layer.W; w++)
                {
                    var sum = 0.0;
                    for (var t = 0; t < layer.T; t++) sum += (double)weights[t] * Element(v, layer.Value, index, t, w, sizes);
                    Store(result, layer.ResultQuantization, layer.Result.Start(index, sizes) + (long)m * layer.Result.Row + (long)w * layer.Result.Column, (float)sum);
                }
            }
        SlotTensors.Write(layer.Output, state, result);
    }

    private static float Element(float[] data, AttentionOperand operand, long index, int row, int column, int[] sizes)
    {
        var matrices = operand.Matrices;
        return Rounded(data[matrices.Start(index, sizes) + (long)row * matrices.Row + (long)column * matrices.Column] * operand.Factor, operand.Quantization);
    }

    private static float Rounded(float value, Quantization? quantization) => quantization is { } to ? Int8Arithmetic.Dequantize(Int8Arithmetic.Quantize(value, to), to) : value;

    private static void Softmax(float[] row, Quantization? quantization)
    {
        var largest = row.Max();
        var total = row.Sum(value => Math.Exp((double)value - largest));
        for (var i = 0; i < row.Length; i++) row[i] = Rounded((float)(Math.Exp((double)row[i] - largest) / total), quantization);
    }

    private static void Store(Tensor result, Quantization? quantization, long at, float value)
    {
        if (quantization is not { } to) ((Tensor<float>)result).Data[at] = value;
        else result.Bytes[(int)at] = (byte)(Int8Arithmetic.Quantize(value, to) ^ (to.Type == DataType.Int8 ? 0x80 : 0));
    }
}
