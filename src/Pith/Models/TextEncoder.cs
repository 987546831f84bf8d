using Pith.Ops;

namespace Pith.Models;

/// <summary>
/// A classifier of token sequences in the form of BERT (Devlin et al. 2018): embeddings of tokens and positions, blocks that normalize after each sum, a pooler on the first token. Token 0 is padding, which attention does not see.
/// Input <c>input_ids</c> [N, T] int64.
/// </summary>
/// <param name="Vocabulary">Number of different tokens, from 0.</param>
/// <param name="Encoder">The blocks.</param>
internal sealed record TextEncoder(int Vocabulary, Transformer Encoder)
{
    // What BERT's exporters write: large enough that a softmax of floats gives 0.
    private const float Hidden = -10_000;

    /// <summary>The network with fresh parameters.</summary>
    /// <exception cref="PithException">The width is not a multiple of a head's.</exception>
    public Graph Build(string name, int tokens, int classes, int seed)
    {
        if (Encoder.Channels % Encoder.HeadWidth != 0) throw new PithException($"Model '{name}' has attention heads of {Encoder.HeadWidth} channels: the width must be a multiple of {Encoder.HeadWidth}, got {Encoder.Channels}.");
        var network = new NetworkBuilder(name, seed, "input_ids", new TensorType(DataType.Int64, [Dim.Named("N"), tokens]));
        var (graph, ids) = (network.Graph, network.Input);

        var isPadding = graph.AddNode(new Equal(), [ids, graph.AddConstant("padding_id", Tensor.Scalar(0L))], "mask.padding").Output;
        var hidden = network.Mul(graph.AddNode(new Cast(DataType.Float32), [isPadding], "mask.cast").Output, graph.AddConstant("mask.hidden", Tensor.Scalar(Hidden)), "mask.mul");
        var mask = graph.AddNode(new Unsqueeze([1, 2]), [hidden], "mask").Output;

        var words = graph.AddNode(new Gather(0), [network.Table("embeddings.word.weight", Vocabulary, Encoder.Channels), ids], "embeddings.word").Output;
        var x = network.LayerNorm(network.Add(words, network.Table("embeddings.position.weight", tokens, Encoder.Channels), "embeddings.add"), "embeddings.norm");
        x = Encoder.PostNormalized(network, x, mask);
        var first = graph.AddNode(new Gather(1), [x, graph.AddConstant("pooler.index", Tensor.Scalar(0L))], "pooler.first").Output;
        return network.ClassifyFeatures(graph.AddNode(new Tanh(), [network.Linear(first, "pooler.dense", Encoder.Channels)], "pooler.tanh").Output, "classifier", classes);
    }
}
