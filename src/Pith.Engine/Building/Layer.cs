using Pith.Ops;

namespace Pith.Building;

/// <summary>One step of the lowered network: what to compute on which slots, not yet how. <see cref="Tactics.Tactic"/>s turn it into something that runs.</summary>
internal abstract class Layer
{
    private Slot?[] _inputs = [];
    private Slot[] _outputs = [];

    /// <summary>The name of the node that the layer is mainly for; see <see cref="FusedNode.Name"/>.</summary>
    public required string Name { get; init; }

    /// <summary>The names of the graph's nodes that the layer replaces.</summary>
    public required ValueList<string> Nodes { get; init; }

    /// <summary>The operands; null where an optional one is absent.</summary>
    public required Slot?[] Inputs { get => _inputs; init => _inputs = value; }

    /// <summary>The results.</summary>
    public required Slot[] Outputs { get => _outputs; init => _outputs = value; }

    /// <summary>Multiply-accumulates at batch 1.</summary>
    public long Macs { get; init; }

    /// <summary>Whether the products of a float layer may have operands that are rounded to bfloat16.</summary>
    public bool AllowsBf16 { get; init; }

    public Slot Output => Outputs[0];

    /// <summary>The same work on other slots of the same types.</summary>
    public Layer On(Slot?[] inputs, Slot[] outputs)
    {
        var copy = (Layer)MemberwiseClone();
        (copy._inputs, copy._outputs) = (inputs, outputs);
        return copy;
    }

    /// <summary>Operands and results that there are.</summary>
    public IEnumerable<Slot> Slots => Inputs.Concat(Outputs).OfType<Slot>();

    /// <summary>The operands that kernels read in memory at the run; others are packed when the layer is built.</summary>
    public virtual IEnumerable<Slot?> ReadAtRun => Inputs;

    /// <summary>What the layer is, for an engine of this largest batch.</summary>
    public abstract LayerSpec SpecAt(int maxBatch);

    /// <summary>The type that the arithmetic is done in, as reports name it.</summary>
    public virtual string Precision => Outputs[0].DataType switch
    {
        DataType.Float32 => "float32",
        DataType.Int8 or DataType.UInt8 => "int8",
        var type => type.ToString().ToLowerInvariant(),
    };

    /// <summary>Whether the layer multiplies by constants that can be pruned or quantized.</summary>
    public virtual bool HasWeights => false;

    /// <summary>The constant operands; the weight alone where <see cref="HasWeights"/> is true.</summary>
    public virtual IEnumerable<Tensor> Weights => Inputs.Select(input => input?.Constant).OfType<Tensor>();

    /// <summary>The op and the types that it works on, for messages.</summary>
    public virtual string Work => $"{GetType().Name} of {Types}";

    /// <summary>The operands' element types and shapes.</summary>
    protected string Types => string.Join(", ", Inputs.OfType<Slot>().Select(slot => $"{slot.DataType.ShortName()}{slot.Shape}"));

    /// <summary>The specification of a layer that is told apart by its first operand's and first result's type, the text and the activation.</summary>
    protected LayerSpec Spec(LayerKind kind, string detail, string activation = "") =>
        new() { Kind = kind, Input = Inputs.FirstOrDefault(input => input is not null)?.DataType ?? Output.DataType, Output = Output.DataType, Detail = detail, Activation = activation, AllowsBf16 = AllowsBf16 };

    public override string ToString() => $"{string.Join(", ", Outputs.Select(output => output.ToString()))} = {Name}({string.Join(", ", Inputs.Select(input => input?.ToString() ?? "_"))})";
}

/// <summary>An op without fusion.</summary>
internal sealed class OpLayer : Layer
{
    public required Op Op { get; init; }

    public override string Work => $"{Op.Schema.Name} of {Types}";

    // Amounts, bounds, tables and summands are constants, too.
    public override bool HasWeights => Op is Conv or ConvTranspose or Gemm or MatMul && Inputs[1]?.Constant is not null;

    public override LayerSpec SpecAt(int maxBatch) => Spec(LayerKind.Op, $"{Op} {string.Join(' ', Inputs.Select(input => input is null ? "_" : $"{input.DataType.ShortName()}{input.Shape.At(maxBatch)}{(input.Layout == Layout.ChannelsLast ? "/nhwc" : "")}"))}");
}

/// <summary>The same elements in another layout.</summary>
internal sealed class ReorderLayer : Layer
{
    public Slot Input => Inputs[0]!;

    public override LayerSpec SpecAt(int maxBatch) => Spec(LayerKind.Reorder, $"{Input.Layout}>{Output.Layout} {Input.Shape.At(maxBatch)}");
}

/// <summary>The same elements in the same physical order under another shape.</summary>
internal sealed class CopyLayer : Layer
{
    public Slot Input => Inputs[0]!;

    public override LayerSpec SpecAt(int maxBatch) => Spec(LayerKind.Reorder, $"copy {Input.Shape.At(maxBatch)}>{Output.Shape.At(maxBatch)}");
}
