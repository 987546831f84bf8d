using Pith.Ops;

namespace Pith.Models;

/// <summary>The blocks that transformers consist of (Vaswani et al. 2017), for tokens [N, T, C]: multi-head self-attention and a perceptron of two layers with GELU.</summary>
/// <param name="Channels">Channels of a token.</param>
/// <param name="Depth">Number of blocks.</param>
/// <param name="HeadWidth">Channels of an attention head.</param>
/// <param name="Expansion">Hidden channels of the perceptron for each channel.</param>
internal sealed record Transformer(int Channels, int Depth, int HeadWidth, int Expansion)
{
    private int Heads => Channels / HeadWidth;

    /// <summary>Blocks that normalize before attention and perceptron, as vision transformers do; the residual stream itself is never normalized.</summary>
    public Value PreNormalized(NetworkBuilder network, Value x)
    {
        for (var i = 0; i < Depth; i++)
        {
            var name = $"blocks.{i}";
            x = network.Add(x, Joint(network, network.LayerNorm(x, $"{name}.norm1"), $"{name}.attn"), $"{name}.attn.residual");
            x = network.Add(x, Perceptron(network, network.LayerNorm(x, $"{name}.norm2"), $"{name}.mlp"), $"{name}.mlp.residual");
        }
        return x;
    }

    /// <summary>Blocks that normalize the residual stream after each sum, as BERT does.</summary>
    /// <param name="network">The network.</param>
    /// <param name="x">Tokens.</param>
    /// <param name="mask">What is added to the scores, [N, 1, 1, T]: 0, or a large negative number at tokens that are padding.</param>
    public Value PostNormalized(NetworkBuilder network, Value x, Value mask)
    {
        for (var i = 0; i < Depth; i++)
        {
            var name = $"encoder.layer.{i}";
            x = network.LayerNorm(network.Add(Separate(network, x, mask, $"{name}.attention"), x, $"{name}.attention.residual"), $"{name}.attention.norm");
            x = network.LayerNorm(network.Add(Perceptron(network, x, name), x, $"{name}.residual"), $"{name}.norm");
        }
        return x;
    }

    private Value Perceptron(NetworkBuilder network, Value x, string name) =>
        network.Linear(network.Gelu(network.Linear(x, $"{name}.fc1", Channels * Expansion), $"{name}.act"), $"{name}.fc2", Channels);

    /// <summary>Self-attention with one projection for queries, keys and values.</summary>
    private Value Joint(NetworkBuilder network, Value x, string name)
    {
        var graph = network.Graph;
        var qkv = network.Reshape(network.Linear(x, $"{name}.qkv", 3 * Channels), $"{name}.qkv.heads", 0, -1, 3, Heads, HeadWidth);
        var turned = graph.AddNode(new Transpose([2, 0, 3, 1, 4]), [qkv], $"{name}.qkv.transpose").Output;
        Value Part(int index, string part) => graph.AddNode(new Gather(0), [turned, graph.AddConstant($"{name}.{part}.index", Tensor.Scalar((long)index))], $"{name}.{part}").Output;
        return Attention(network, Part(0, "q"), Part(1, "k"), Part(2, "v"), mask: null, name);
    }

    /// <summary>Self-attention with a projection each for queries, keys and values.</summary>
    private Value Separate(NetworkBuilder network, Value x, Value mask, string name)
    {
        Value Projected(string part)
        {
            var heads = network.Reshape(network.Linear(x, $"{name}.{part}", Channels), $"{name}.{part}.heads", 0, -1, Heads, HeadWidth);
            return network.Graph.AddNode(new Transpose([0, 2, 1, 3]), [heads], $"{name}.{part}.transpose").Output;
        }
        return Attention(network, Projected("query"), Projected("key"), Projected("value"), mask, name);
    }

    /// <summary>softmax(q kᵀ / √d + mask) v of each head, [N, heads, T, d], and the projection of all heads together.</summary>
    private Value Attention(NetworkBuilder network, Value q, Value k, Value v, Value? mask, string name)
    {
        var graph = network.Graph;
        var transposed = graph.AddNode(new Transpose([0, 1, 3, 2]), [k], $"{name}.k.transpose").Output;
        var scale = graph.AddConstant($"{name}.scale", Tensor.Scalar((float)(1 / Math.Sqrt(HeadWidth))));
        var scores = network.Mul(graph.AddNode(new MatMul(), [q, transposed], $"{name}.scores").Output, scale, $"{name}.scaled");
        if (mask is not null) scores = network.Add(scores, mask, $"{name}.masked");
        var weights = graph.AddNode(new Softmax { Axis = -1 }, [scores], $"{name}.softmax").Output;
        var heads = graph.AddNode(new Transpose([0, 2, 1, 3]), [graph.AddNode(new MatMul(), [weights, v], $"{name}.context").Output], $"{name}.transpose").Output;
        return network.Linear(network.Reshape(heads, $"{name}.join", 0, -1, Channels), $"{name}.proj", Channels);
    }
}
